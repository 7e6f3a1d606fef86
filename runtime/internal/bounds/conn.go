package bounds

import (
	"net"

	"github.com/grpcservice/grpcservice/runtime/internal/h2conn"
)

// newConn returns the use of a connection from addr that has been counted.
func newConn(b *Bounds, peer *peerUse, addr net.Addr) *Conn {
	return &Conn{bounds: b, peer: peer, addr: unique(addr), streams: make(map[uint32]*Arrival)}
}

// sameAddr is an address of a type that this package does not know, made unique by its pointer.
type sameAddr struct{ net.Addr }

// unique returns a copy of addr that equals no other. It has the same type if handlers may depend
// on the type.
func unique(addr net.Addr) net.Addr {
	switch a := addr.(type) {
	case nil:
		return new(net.TCPAddr)
	case *net.TCPAddr:
		same := new(net.TCPAddr)
		if a != nil {
			*same = *a
		}
		return same
	case *net.UnixAddr:
		same := new(net.UnixAddr)
		if a != nil {
			*same = *a
		}
		return same
	}
	return &sameAddr{addr}
}

// begin counts the call that was opened last.
func (c *Conn) begin(a *Arrival, essential bool) Verdict {
	stream := c.opened
	c.opened = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	if stream == 0 || c.closed.Load() {
		return Accepted
	}
	peer := c.peer
	if a.Client != nil {
		peer = c.bounds.peers.acquire(PeerOf(a.Client))
		a.peer = peer
	}
	limits := c.bounds.limits
	verdict := enterBoth(&c.bounds.all.streams, &peer.streams,
		raised(limits.Calls, essential), raised(limits.CallsPerPeer, essential))
	switch {
	case verdict == Accepted:
		c.streams[stream], a.stream = a, stream
	case a.peer != nil:
		a.peer.release()
	}
	return verdict
}

// Opened implements [h2conn.Streams].
func (c *Conn) Opened(stream uint32) { c.opened = stream }

// Reset implements [h2conn.Streams]. Grpc drops the stream's queue only after the write in
// progress.
func (c *Conn) Reset(stream uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, counts := c.streams[stream]; counts && c.writing {
		c.reset = append(c.reset, stream)
		return
	}
	c.end(stream)
}

// Writing implements [h2conn.Streams].
func (c *Conn) Writing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = true
}

// Written implements [h2conn.Streams].
func (c *Conn) Written(answered, reset []uint32) {
	c.written(answered, reset)
	for _, a := range c.unhandled {
		c.bounds.unhandled(a)
	}
	clear(c.unhandled)
	c.unhandled = c.unhandled[:0]
}

func (c *Conn) written(answered, reset []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	for _, stream := range answered {
		if a := c.streams[stream]; a != nil && !a.handled.Load() {
			c.unhandled = append(c.unhandled, a)
		}
		c.end(stream)
	}
	for _, stream := range reset {
		c.end(stream)
	}
	for _, stream := range c.reset {
		c.end(stream)
	}
	c.reset = c.reset[:0]
}

// end stops counting a stream. The caller holds the lock.
func (c *Conn) end(stream uint32) {
	a, counts := c.streams[stream]
	if !counts {
		return
	}
	delete(c.streams, stream)
	c.bounds.all.streams.Add(-1)
	if a.peer == nil {
		c.peer.streams.Add(-1)
		return
	}
	a.peer.streams.Add(-1)
	a.peer.release()
}

// close ends the connection and its streams, once.
func (c *Conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return
	}
	c.closed.Store(true)
	if c.expiry != nil {
		c.expiry.Stop()
	}
	for stream := range c.streams {
		c.end(stream)
	}
	c.bounds.conns.Delete(c.addr)
	c.bounds.all.connections.Add(-1)
	if c.peer != nil {
		c.peer.connections.Add(-1)
		c.peer.release()
	}
}

// follow returns conn as a connection that counts for use until it is closed.
func (b *Bounds) follow(conn net.Conn, use *Conn) *boundConn {
	frames := h2conn.New(conn, b.headerTimeout, use)
	use.mu.Lock()
	use.frames = frames
	use.mu.Unlock()
	return &boundConn{frames, use}
}

// Text returns the address of the connection, if it is addr, as format writes it. It is written
// once.
func (a *Arrival) Text(addr net.Addr, format func(net.Addr) string) string {
	if !a.IsFrom(addr) {
		return format(addr)
	}
	if text := a.conn.text.Load(); text != nil {
		return *text
	}
	text := format(addr)
	a.conn.text.Store(&text)
	return text
}
