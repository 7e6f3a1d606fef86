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
			l.bounds.handshakes.add(conn, conn.NetConn())
			return conn, nil
		}
	}
}

// Pending returns a listener for a server that wraps the connections it accepts, so that they count
// only when their handshake starts. It follows those that have not finished it.
func (b *Bounds) Pending(lis net.Listener) net.Listener { return &pendingListener{lis, b} }

type pendingListener struct {
	net.Listener
	bounds *Bounds
}

func (l *pendingListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	setUserTimeout(accepted)
	conn := &pendingConn{accepted, &l.bounds.handshakes}
	conn.handshakes.add(conn, accepted)
	return conn, nil
}

// pendingConn is a connection that may not have finished its handshake.
type pendingConn struct {
	net.Conn
	handshakes *handshakes
}

// SetDeadline implements net.Conn; see [boundConn.SetDeadline].
func (c *pendingConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.handshakes.remove(c)
	}
	return c.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (c *pendingConn) Close() error {
	c.handshakes.remove(c)
	return c.Conn.Close()
}

// accept returns raw as a connection that counts, or closes it if there are too many.
func (b *Bounds) accept(raw net.Conn) (*boundConn, bool) {
	addr := raw.RemoteAddr()
	if b.headers.Contains(network.IP(addr)) {
		return b.acceptProxied(raw, addr)
	}
	use, ok := b.enterConn(raw, addr)
	if !ok {
		return nil, false
	}
	return b.follow(raw, use), true
}

// enterConn counts a connection, or closes it if there are too many.
func (b *Bounds) enterConn(raw net.Conn, addr net.Addr) (*Conn, bool) {
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
	return use, true
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
	for _, raw := range h.conns {
		_ = raw.Close()
	}
	h.conns = nil
}

// Handshakes returns how many connections of a listener have not finished their handshake.
func (b *Bounds) Handshakes() int {
	b.handshakes.mu.Lock()
	defer b.handshakes.mu.Unlock()
	return len(b.handshakes.conns)
}

// add counts a connection, or closes it by closing raw.
func (h *handshakes) add(conn, raw net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = raw.Close()
		return
	}
	if h.conns == nil {
		h.conns = make(map[net.Conn]net.Conn)
	}
	h.conns[conn] = raw
}

func (h *handshakes) remove(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
}
