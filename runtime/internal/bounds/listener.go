package bounds

import (
	"net"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Listener returns lis without the connections above the limits, which it closes before reading
// from them.
//
// Connections of Unix sockets pass unchanged, because credentials may need more of them than a
// net.Conn has. They count from their handshake on; see [Bounds.Credentials].
func (b *Bounds) Listener(lis net.Listener) net.Listener { return &listener{lis, b} }

type listener struct {
	net.Listener
	bounds *Bounds
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if _, local := accepted.(*net.UnixConn); local {
			return accepted, nil
		}
		if conn, ok := l.bounds.accept(accepted); ok {
			setUserTimeout(accepted)
			l.bounds.handshakes.add(conn)
			return conn, nil
		}
	}
}

// accept returns raw as a connection that counts, or closes it if there are too many.
func (b *Bounds) accept(raw net.Conn) (*boundConn, bool) {
	addr := raw.RemoteAddr()
	if b.headers.Contains(network.IP(addr)) {
		return b.acceptProxied(raw, addr)
	}
	peer := b.peers.acquire(PeerOf(addr))
	verdict := enterBoth(&b.all.connections, &peer.connections, b.limits.Connections, b.limits.ConnectionsPerPeer)
	if verdict != Accepted {
		peer.release()
		b.reject(addr, verdict) // first, so that the log record precedes the close
		_ = raw.Close()         // nothing was sent or received that could be lost
		return nil, false
	}
	b.counts.accepted.Add(1)
	use := newConn(b, peer, addr)
	b.conns.Store(use.addr, use)
	return b.follow(raw, use), true
}

// RemoteAddr returns the address by which [Bounds.Tap] knows the connection.
func (c *boundConn) RemoteAddr() net.Addr { return c.use.addr }

// SetDeadline implements net.Conn. Grpc gives a connection a deadline for its handshake, and
// removes it afterwards.
func (c *boundConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.use.bounds.handshakes.remove(c)
	}
	return c.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (c *boundConn) Close() error {
	c.use.bounds.handshakes.remove(c)
	defer c.use.close()
	return c.Conn.Close()
}

// CloseHandshakes closes the connections whose handshake is not finished, and all later ones.
func (b *Bounds) CloseHandshakes() { b.handshakes.close() }

func (h *handshakes) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for conn := range h.conns {
		_ = conn.NetConn().Close()
	}
	h.conns = nil
}

// Handshakes returns how many connections of a listener have not finished their handshake.
func (b *Bounds) Handshakes() int {
	b.handshakes.mu.Lock()
	defer b.handshakes.mu.Unlock()
	return len(b.handshakes.conns)
}

// add counts a connection, or closes it.
func (h *handshakes) add(conn *boundConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.NetConn().Close()
		return
	}
	if h.conns == nil {
		h.conns = make(map[*boundConn]struct{})
	}
	h.conns[conn] = struct{}{}
}

func (h *handshakes) remove(conn *boundConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
}
