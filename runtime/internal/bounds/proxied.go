package bounds

import (
	"errors"
	"io"
	"net"

	"github.com/grpcservice/grpcservice/runtime/internal/proxies"
)

// ExpectHeaders requires that connections from proxies start with a header of the PROXY protocol,
// which states the peer that they count for. [Bounds.Credentials] reads it, for as long as grpc
// allows for a handshake, in the goroutine of the connection. Until then, the connection counts for
// no peer. Other connections must not have a header.
//
// invalid is called for each connection that is closed because it has no valid header. Call
// ExpectHeaders before Listener and Credentials.
func (b *Bounds) ExpectHeaders(from proxies.Set, invalid func(proxy net.Addr, err error)) {
	b.headers, b.noHeader = from, invalid
}

// acceptProxied is accept for a connection from a proxy, whose peer is not known yet.
func (b *Bounds) acceptProxied(raw net.Conn, addr net.Addr) (*boundConn, bool) {
	use, ok := b.enterProxied(raw, addr)
	if !ok {
		return nil, false
	}
	return b.follow(raw, use), true
}

// enterProxied counts a connection from a proxy, or closes it if there are too many.
func (b *Bounds) enterProxied(raw net.Conn, addr net.Addr) (*Conn, bool) {
	if !enter(&b.all.connections, b.limits.Connections) {
		b.reject(addr, ServerFull)
		_ = raw.Close()
		return nil, false
	}
	b.counts.accepted.Add(1)
	return newConn(b, nil, addr), true
}

// identify reads the header of a connection from a proxy, and counts the connection for the peer
// that it states.
func (b *Bounds) identify(bound *boundConn) error {
	if bound.use.peer != nil {
		return nil
	}
	return b.identifyConn(bound.use, bound.NetConn())
}

// identifyConn reads the header of raw, which counts as use.
func (b *Bounds) identifyConn(use *Conn, raw net.Conn) error {
	proxy := raw.RemoteAddr()
	addr, err := proxies.ReadHeader(raw)
	if err != nil {
		// Load balancers and scanners may only connect, and a shutdown closes handshakes.
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			b.counts.noHeader.Add(1)
			b.noHeader(proxy, err)
		}
		return err
	}
	if addr == nil {
		addr = proxy
	}
	return b.arrive(use, addr)
}

// arrive counts a connection for the peer at addr.
func (b *Bounds) arrive(use *Conn, addr net.Addr) error {
	peer := b.peers.acquire(PeerOf(addr))
	if !enter(&peer.connections, b.limits.ConnectionsPerPeer) {
		peer.release()
		b.reject(addr, PeerFull)
		return errTooMany
	}
	use.mu.Lock()
	defer use.mu.Unlock()
	use.peer, use.addr = peer, unique(addr)
	if use.closed.Load() { // close has not seen the peer
		peer.connections.Add(-1)
		peer.release()
		return net.ErrClosed
	}
	b.conns.Store(use.addr, use)
	return nil
}

// errTooMany is the error that grpc receives for a connection above the limit.
var errTooMany = errors.New("too many connections")
