package bounds

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Transport carries a call of a front, which reads and writes its connections itself. Its methods
// may be called concurrently, and after the end of the call.
type Transport interface {
	// SetReadDeadline makes a running and every later read fail at t.
	SetReadDeadline(t time.Time)
	// Interrupt makes them fail now, because.
	Interrupt(because error)
	// Written is how much of the response was passed on to the connection. It grows while the client
	// reads.
	Written() int64
	// Abort resets the call at once, without what is queued for it.
	Abort()
}

// held are the calls of fronts, in no order. Each knows its place.
type held struct {
	mu    sync.Mutex
	calls []*Arrival
}

func (h *held) add(a *Arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.place = len(h.calls)
	h.calls = append(h.calls, a)
}

func (h *held) remove(a *Arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := len(h.calls) - 1
	h.calls[a.place] = h.calls[last]
	h.calls[a.place].place = a.place
	h.calls[last] = nil
	h.calls = h.calls[:last]
}

// Hold counts a call of a front that arrives from addr, while its transport holds it: until
// [Arrival.Release]. conn is its connection; nil if it is none of [Bounds.Plain]. Only the exported
// fields of a are set, and the context of the call must derive from a. Like [Conn.Tap], Hold rejects
// no call itself.
func (b *Bounds) Hold(a *Arrival, conn *PlainConn, addr net.Addr, t Transport, essential bool) {
	a.bounds, a.transport = b, t
	a.peer = b.peerOf(a, conn, addr)
	a.verdict = enterBoth(&b.all.streams, &a.peer.streams,
		raised(b.limits.Calls, essential), raised(b.limits.CallsPerPeer, essential))
	if a.verdict != Accepted {
		a.peer.release()
		a.peer = nil
		return
	}
	b.held.add(a)
}

// peerOf returns the peer that a call of a front from addr counts for: that of its connection
// without looking for it.
func (b *Bounds) peerOf(a *Arrival, conn *PlainConn, addr net.Addr) *peerUse {
	if a.Client != nil {
		return b.peers.acquire(PeerOf(a.Client))
	}
	if conn == nil || conn.use.bounds != b { // of another server, whose fallback this one is
		return b.peers.acquire(PeerOf(addr))
	}
	a.conn = conn.use
	if a.conn.peer != nil {
		peer := a.conn.peer.retain()
		if !a.conn.closed.Load() {
			return peer
		}
		peer.release() // it may have been forgotten before
	}
	return b.peers.acquire(PeerOf(addr))
}

// Release stops counting a call of a front.
func (a *Arrival) Release() {
	if a.peer == nil {
		return
	}
	b := a.bounds
	b.held.remove(a)
	b.all.streams.Add(-1)
	a.peer.streams.Add(-1)
	a.peer.release()
}

// ReadUntil makes reading a request fail at the deadline of ctx, if the call is one of a front:
// other transports end their calls themselves.
func (a *Arrival) ReadUntil(ctx context.Context) {
	if a == nil || a.transport == nil {
		return
	}
	if deadline, ok := ctx.Deadline(); ok {
		a.transport.SetReadDeadline(deadline)
	}
}

// InterruptReads makes the calls of fronts whose requests are incomplete fail because.
func (b *Bounds) InterruptReads(because error) {
	b.held.mu.Lock()
	defer b.held.mu.Unlock()
	for _, a := range b.held.calls {
		a.transport.Interrupt(because)
	}
}

// unread returns the calls whose responses are not read; see [Bounds.AbortUnread].
func (h *held) unread(sweeps int) (unread []*Arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.calls {
		if !a.finished.Load() {
			continue
		}
		written := a.transport.Written()
		if a.unread++; a.unread == 1 || written != a.written {
			a.unread, a.written = 1, written
		} else if int(a.unread) > sweeps {
			unread = append(unread, a)
		}
	}
	return unread
}

// restart makes the next sweep the first one of all calls.
func (h *held) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.calls {
		a.unread = 0
	}
}

// Plain returns a listener for a server that reads and writes its connections itself, such as one
// of HTTP. Its connections count like those of [Bounds.Listener], and read the header of the PROXY
// protocol before anything else.
func (b *Bounds) Plain(lis net.Listener) net.Listener { return &plainListener{lis, b} }

type plainListener struct {
	net.Listener
	bounds *Bounds
}

// Accept implements net.Listener.
func (l *plainListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if conn, ok := l.bounds.acceptPlain(accepted); ok {
			setUserTimeout(accepted)
			l.bounds.handshakes.add(conn, accepted)
			return conn, nil
		}
	}
}

// acceptPlain returns raw as a connection that counts, or closes it if there are too many.
func (b *Bounds) acceptPlain(raw net.Conn) (*PlainConn, bool) {
	addr := raw.RemoteAddr()
	if b.headers.Contains(network.IP(addr)) {
		use, ok := b.enterProxied(raw, addr)
		return newPlain(raw, use, ok)
	}
	use, ok := b.enterConn(raw, addr)
	return newPlain(raw, use, ok)
}

func newPlain(raw net.Conn, use *Conn, ok bool) (*PlainConn, bool) {
	if !ok {
		return nil, false
	}
	c := &PlainConn{Conn: raw, use: use}
	use.mu.Lock()
	defer use.mu.Unlock()
	use.plain = c
	return c, true
}

// PlainConn is a connection of [Bounds.Plain].
type PlainConn struct {
	net.Conn
	use  *Conn
	once sync.Once
	err  error // of the header

	arrived atomic.Bool // it has sent a call
	reads   readDeadline
	writing writeDeadline

	finishing atomic.Bool // see Finishing
	unread    int         // sweeps without a write; guarded by the mutex of use
	writes    uint64      // in the previous sweep; guarded by the mutex of use
}

// identify reads the header of a connection from a proxy. The first to ask for the address or to
// read does it.
func (c *PlainConn) identify() error {
	c.once.Do(func() {
		if c.use.peer != nil {
			return
		}
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.use.bounds.headerTimeout))
		if c.err = c.use.bounds.identifyConn(c.use, c.Conn); c.err != nil {
			_ = c.Close()
			return
		}
		_ = c.reads.restore(c.Conn)
	})
	return c.err
}

// Read implements net.Conn.
func (c *PlainConn) Read(p []byte) (int, error) {
	if err := c.identify(); err != nil {
		return 0, err
	}
	return c.reads.read(c.Conn, p)
}

// Write implements net.Conn.
func (c *PlainConn) Write(p []byte) (int, error) { return c.writing.write(c.Conn, p) }

// SetReadDeadline implements net.Conn.
func (c *PlainConn) SetReadDeadline(t time.Time) error { return c.reads.set(c.Conn, t) }

// SetWriteDeadline implements net.Conn.
func (c *PlainConn) SetWriteDeadline(t time.Time) error { return c.writing.set(c.Conn, t) }

// SetDeadline implements net.Conn.
func (c *PlainConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// RemoteAddr returns the address of the peer, which a proxy may have stated.
func (c *PlainConn) RemoteAddr() net.Addr {
	if c.identify() != nil {
		return c.Conn.RemoteAddr()
	}
	return c.use.addr
}

// Close implements net.Conn.
func (c *PlainConn) Close() error {
	c.use.bounds.handshakes.remove(c)
	defer c.use.close()
	return c.Conn.Close()
}

// Arrived records that the connection has finished its handshake and sent a call. Until then, a
// shutdown closes it.
func (c *PlainConn) Arrived() {
	if !c.arrived.Load() && c.arrived.CompareAndSwap(false, true) {
		c.use.bounds.handshakes.remove(c)
	}
}

// Finishing records whether all that the connection does is to send the last bytes of a response,
// which count for no call any more, and to wait for the next request. If its client does not read
// them, [Bounds.AbortUnread] closes it.
func (c *PlainConn) Finishing(is bool) { c.finishing.Store(is) }

// abort closes the connection if its last bytes have not been written for a number of sweeps. The
// mutex of use is held.
func (c *PlainConn) abort(sweeps int) {
	writes := c.writing.writes.Load()
	if c.unread++; c.unread == 1 || writes != c.writes || !running(writes) || !c.finishing.Load() {
		c.unread, c.writes = 1, writes
	} else if c.unread > sweeps {
		_ = c.Conn.Close()
	}
}

// Secured closes the connection when the verified certificate of the client has expired.
func (c *PlainConn) Secured(info credentials.AuthInfo) { c.use.closeAfter(c, info) }
