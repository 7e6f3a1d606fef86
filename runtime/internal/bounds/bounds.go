// Package bounds limits the concurrent calls and connections of a server, in total and per peer.
// Calls and connections beyond a limit are rejected.
//
// A call uses memory from the moment its headers arrive until the last byte of its response is
// written. That may be long after its method has returned: grpc queues responses that a client does
// not read. Therefore calls are counted twice. [Bounds.Begin] counts those whose handler runs. If
// the connections of a server pass through [Bounds.Listener] and [Bounds.Credentials], their frames
// show which calls the transport still holds, and [Bounds.Tap] counts those. Either count alone can
// be evaded: the handlers of calls that a client resets keep running, and the responses that a
// client does not read stay in memory.
package bounds

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/h2conn"
	"github.com/grpcservice/grpcservice/runtime/internal/proxies"
)

// Limits are maximum numbers in use at a time; 0 means no limit.
type Limits struct {
	// Calls is for all peers together.
	Calls, CallsPerPeer int
	// Connections is for all peers together.
	Connections, ConnectionsPerPeer int
}

// Verdict is why a call or a connection is rejected.
type Verdict int32

const (
	// Accepted means within the limits.
	Accepted Verdict = iota
	// ServerFull means above the limit for all peers.
	ServerFull
	// PeerFull means above the limit for one peer.
	PeerFull
)

// Bounds counts the calls and connections of one server. Its methods may be called concurrently.
type Bounds struct {
	limits        Limits
	headerTimeout time.Duration
	closed        func(net.Addr, Verdict)
	unhandled     func(*Arrival)
	all           usage
	peers         table
	conns         sync.Map // of net.Addr, which is unique to a connection, to *Conn
	handshakes    handshakes
	held          held
	counts        counts

	headers  proxies.Set // whose connections start with a header of the PROXY protocol
	noHeader func(net.Addr, error)
}

// Arrival is the context of a call whose headers have arrived, with what the transport knows about
// the call.
type Arrival struct {
	context.Context
	// Method is the path that the client sent.
	Method string
	// Header is the metadata that the client sent.
	Header metadata.MD
	// Client is the address of the client that a trusted proxy has stated for the call, or nil. The
	// call counts for it instead of the peer of its connection.
	Client net.Addr
	// Room is what the owner of the call has allocated together with its arrival, or nil.
	Room any

	conn    *Conn
	peer    *peerUse // of Client or of a front; nil if the call counts for the peer of its connection
	stream  uint32   // 0 if the call does not count
	verdict Verdict
	handled atomic.Bool

	finished atomic.Bool
	// Number of sweeps without a write of the response; guarded by the mutex of the connection, or of
	// the calls of fronts.
	unread  int32
	aborted bool // guarded by the same mutex

	// Of a call of a front; see [Bounds.Hold].
	bounds    *Bounds
	transport Transport
	written   int64 // in the previous sweep
	place     int   // among the held calls; guarded by their mutex
}

// Conn is the use of one connection.
type Conn struct {
	bounds *Bounds
	peer   *peerUse // nil until the proxy that has made the connection states its client
	addr   net.Addr // unique to the connection
	text   atomic.Pointer[string]

	// opened is the stream whose headers were read last. Only the goroutine that reads the
	// connection knows it, and calls [Bounds.Tap] before it reads anything else.
	opened uint32

	mu      sync.Mutex
	frames  *h2conn.Conn        // follows the frames of the connection
	plain   *PlainConn          // if a front reads and writes it
	closed  atomic.Bool         // changes while mu is held
	streams map[uint32]*Arrival // the streams that count
	writing bool
	reset   []uint32    // streams that the client reset while the connection was being written
	expiry  *time.Timer // closes the connection when the client's certificate expires; may be nil

	unhandled []*Arrival // streams that a write has answered; used only by the writing goroutine
}

// boundConn is a connection that counts until it is closed.
type boundConn struct {
	*h2conn.Conn
	use *Conn
}

// handshakes are the connections of a listener that have not finished their handshake, such as
// those of a port scanner, or of a load balancer that only connects. They have no calls, but grpc's
// graceful stop waits for each of them for as long as a handshake may take.
type handshakes struct {
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]net.Conn // to what closes them
}

// New returns Bounds for a server without calls. headerTimeout is how long the headers of a call
// may take to arrive. closed is called for each connection that is closed because there are too
// many. unhandled is called for each call that grpc has ended without a handler, because its
// encoding is not supported or its path is not that of a method.
func New(limits Limits, headerTimeout time.Duration, closed func(peer net.Addr, why Verdict), unhandled func(*Arrival)) *Bounds {
	b := &Bounds{limits: limits, headerTimeout: headerTimeout, closed: closed, unhandled: unhandled}
	b.peers.init()
	return b
}

// Limits returns the limits.
func (b *Bounds) Limits() Limits { return b.limits }

// counts are the connections of a server since it started.
type counts struct{ accepted, serverFull, peerFull, noHeader, failed atomic.Int64 }

// Counts are numbers of connections since a server started.
type Counts struct {
	// Accepted is how many connections were within the limits when they arrived.
	Accepted int64
	// ServerFull and PeerFull are how many were closed because there were too many, and NoHeader how
	// many from proxies because they had no valid header.
	ServerFull, PeerFull, NoHeader int64
	// Failed is how many failed in their handshake.
	Failed int64
}

// Counts returns the numbers of connections.
func (b *Bounds) Counts() Counts {
	c := &b.counts
	return Counts{
		c.accepted.Load(), c.serverFull.Load(), c.peerFull.Load(), c.noHeader.Load(), c.failed.Load(),
	}
}

// reject counts and reports a connection that is closed because there are too many.
func (b *Bounds) reject(addr net.Addr, why Verdict) {
	if why == PeerFull {
		b.counts.peerFull.Add(1)
	} else {
		b.counts.serverFull.Add(1)
	}
	b.closed(addr, why)
}

// Use is a number of calls and connections.
type Use struct {
	// Handlers is how many calls are running, Streams how many the transport holds.
	Handlers, Streams, Connections int64
}

// Use returns the use of all peers.
func (b *Bounds) Use() Use { return b.all.use() }

// Full reports whether the next call would be rejected because of the limit for all peers.
// Essential calls have a higher limit.
func (b *Bounds) Full(essential bool) bool {
	limit, use := raised(b.limits.Calls, essential), b.Use()
	return limit > 0 && max(use.Handlers, use.Streams) >= int64(limit)
}

// UseOf returns the use of one peer.
func (b *Bounds) UseOf(peer Peer) Use {
	use := b.peers.acquire(peer)
	defer use.release()
	return use.use()
}

func (u *usage) use() Use {
	return Use{u.handlers.Load(), u.streams.Load(), u.connections.Load()}
}

// enter adds one to n. It returns false if n would exceed limit, unless limit is 0.
func enter(n *atomic.Int64, limit int) bool {
	if limit <= 0 {
		n.Add(1)
		return true
	}
	for {
		now := n.Load()
		if now >= int64(limit) {
			return false
		}
		if n.CompareAndSwap(now, now+1) {
			return true
		}
	}
}

// enterBoth adds one to the use of all peers and of one, or to neither.
func enterBoth(all, peer *atomic.Int64, limit, perPeer int) Verdict {
	if !enter(all, limit) {
		return ServerFull
	}
	if !enter(peer, perPeer) {
		all.Add(-1)
		return PeerFull
	}
	return Accepted
}

// raised returns the limit for essential calls, which must succeed when all others are rejected: a
// tenth more, and at least 10 more.
func raised(limit int, essential bool) int {
	if !essential || limit <= 0 {
		return limit
	}
	return limit + max(limit/10, 10)
}
