package web

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/lazyctx"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// call is one call: the [server.FrontCall] of the pipeline.
type call struct {
	handler  *Handler
	request  *http.Request // as the protocol sees it
	response response
	body     body
	conn     *conn     // nil on an HTTP server of the user
	host     [1]string // the value of ":authority"
	md       metadata.MD
	peer     *peer.Peer
	release  func() // nil until the call has entered the pipeline
	complete bool   // the protocol has sent its end
	single   bool   // one request

	malformed error // of a header, a status; or nil

	within within             // the context of the request, if it has to carry the call
	lazy   lazyctx.Context    // the context of the method, if it is unary
	cancel context.CancelFunc // of a stream that is served; or nil

	plain  atomic.Bool // its responses must not be compressed
	marked *byte       // of the response that is being sent; see uncompressed

	// Set by serve, before others see the call.
	ctx    context.Context
	stream connect.ServerStream
	info   *connect.CallInfo

	receiving, sending sync.Mutex // held by RecvMsg and SendMsg

	mu       sync.Mutex
	over     atomic.Bool // for the method; changes while mu is held
	finished bool        // for the HTTP server, which reuses what the controller has
	aborted  bool
	sent     atomic.Bool // the header; changes while mu is held
	header   metadata.MD
	trailer  metadata.MD
	status   *status.Status // of WriteStatus
	why      error          // reading was interrupted, a status; or nil
	reading  *readTimer     // interrupts reading; or nil
	until    int64          // the deadline of the connection for reading, in Unix nanoseconds; or 0
}

var _ server.FrontCall = (*call)(nil)

// newCall returns the call of a request. shared means that the page of another origin reads the
// response.
func newCall(h *Handler, w http.ResponseWriter, r *http.Request, shared bool) *call {
	c := &call{handler: h}
	c.conn = connIn(r.Context())
	c.conn.arrived(w)
	c.body.ReadCloser = r.Body
	c.body.ended.Store(r.Body == http.NoBody)
	c.response.ResponseWriter, c.response.control, c.response.shared = w, *http.NewResponseController(w), shared
	header := c.splitHeader(r)
	if timeout, ok := takeTimeout(header, r.Method); ok {
		c.lazy.Until = time.Now().Add(timeout)
	}
	c.request = c.carried(r)
	c.request.Header, c.request.Body = header, &c.body
	return c
}

// restoreBody gives the request its body back when the protocol has the other one: an HTTP/1.1
// server examines it after the response, to decide whether another request may follow.
func (c *call) restoreBody() { c.request.Body = c.body.ReadCloser }

// openBothWays lets a stream over HTTP/1.1 send its header before the request has ended.
func (c *call) openBothWays() {
	if c.request.ProtoMajor == 1 {
		_ = c.response.control.EnableFullDuplex()
		c.response.settles = c
	}
}

// serve runs the call of a request through the pipeline. It is called by the protocol's handler.
func serve(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
	c := callIn(ctx)
	c.restoreBody()
	c.info, _ = connect.CallInfoForServerContext(ctx)
	c.stream = stream
	c.begin(ctx, spec)
	c.single = spec.StreamType&connect.StreamTypeClient == 0
	err := c.malformed
	if err == nil {
		c.peer = c.conn.peer(c.request)
		stop := c.watch(spec)
		c.release, err = c.handler.host.Serve(c)
		stop()
	}
	return connectError(c.end(err))
}

// watch ends reads of a stream whose context ends; those of unary calls end with the deadline that
// the pipeline sets. A single request must arrive within the time of a unary call.
func (c *call) watch(spec connect.Spec) (stop func()) {
	if spec.StreamType == connect.StreamTypeUnary {
		return func() {}
	}
	if c.single {
		c.SetReadDeadline(time.Now().Add(server.DefaultTimeout))
	}
	end := context.AfterFunc(c.ctx, func() {
		c.Interrupt(status.FromContextError(c.ctx.Err()).Err())
	})
	return func() { end() }
}

// end is called when the method has finished with err. It waits for a method that is still reading
// or writing in another goroutine, and returns the error of the call.
func (c *call) end(err error) error {
	c.mu.Lock()
	c.over.Store(true)
	c.stopDeadline()
	c.mu.Unlock()
	if !c.receiving.TryLock() {
		c.Interrupt(errOver)
		c.receiving.Lock()
	}
	c.receiving.Unlock()
	c.sending.Lock() // the pipeline aborts a send that is too slow
	defer c.sending.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.status != nil {
		err = c.status.Err()
	}
	c.holdLast()
	c.writeHeader()
	copyMetadata(c.info.ResponseTrailer(), c.trailer)
	c.trailer = nil
	return err
}

// holdLast is called before the last message and before the status. Over HTTP/1.1, both are sent
// together, except for gRPC: its status is a trailer, and net/http sends none with a response that
// it has measured. Over HTTP/2, a client may leave any response unread, and only the call is
// watched, so both are sent before the call finishes.
func (c *call) holdLast() {
	if c.request.ProtoMajor == 1 && c.info.Protocol != connect.ProtocolNameGRPC {
		c.response.held = true
	}
}

// finish is called when the response is written.
func (c *call) finish() {
	if c.complete && c.info == nil {
		c.noteRejected()
	}
	c.mu.Lock()
	c.limitWriting()
	c.stopDeadline()
	c.limitLeftover()
	c.finished = true
	c.over.Store(true)
	c.mu.Unlock()
	c.restoreBody()
	c.endContext()
	if c.release != nil {
		c.release()
	}
	if c.request.ProtoMajor == 1 && c.conn != nil && c.conn.raw != nil {
		c.conn.raw.Finishing(true)
	}
	c.handler.headers.put(c.request.Header)
	c.request.Header = nil
}

// limitWriting limits the time in which an HTTP/1.1 server sends what is held: the pipeline no
// longer watches the call then. c is locked.
func (c *call) limitWriting() {
	timeout := c.handler.host.SendTimeout()
	if c.request.ProtoMajor == 1 && timeout > 0 && !c.aborted {
		_ = c.response.control.SetWriteDeadline(time.Now().Add(2 * timeout))
	}
}

// Context implements [server.FrontCall].
func (c *call) Context() context.Context { return c.ctx }

// Peer implements [server.FrontCall].
func (c *call) Peer() *peer.Peer { return c.peer }

// Conn implements [server.FrontCall].
func (c *call) Conn() server.HostConn {
	if c.conn == nil {
		return nil
	}
	return c.conn.raw
}

// Metadata implements [server.FrontCall].
func (c *call) Metadata() metadata.MD { return c.md }

// Method implements [grpc.ServerTransportStream].
func (c *call) Method() string { return c.request.URL.Path }

// Written implements [server.FrontCall].
func (c *call) Written() int64 { return c.response.written.Load() }
