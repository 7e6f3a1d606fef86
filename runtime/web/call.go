package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// call is one call: the [server.FrontCall] of the pipeline.
type call struct {
	handler  *Handler
	request  *http.Request // its context has the call
	response response
	body     body
	control  *http.ResponseController
	conn     *conn // nil on an HTTP server of the user
	path     string
	md       metadata.MD
	peer     *peer.Peer
	release  func() // nil until the call has entered the pipeline
	complete bool   // the protocol has sent its end
	single   bool   // one request

	plain  atomic.Bool // its responses must not be compressed
	marked *byte       // of the response that is being sent; see uncompressed

	// Set by serve, before others see the call.
	ctx    context.Context
	cancel context.CancelFunc
	stream connect.ServerStream
	info   *connect.CallInfo

	receiving, sending sync.Mutex // held by RecvMsg and SendMsg

	mu       sync.Mutex
	over     bool // for the method
	finished bool // for the HTTP server, which reuses what the controller has
	sent     bool // the header
	header   metadata.MD
	trailer  metadata.MD
	status   *status.Status // of WriteStatus
	why      error          // reading was interrupted, a status; or nil
	deadline *time.Timer    // for reading
}

var _ server.FrontCall = (*call)(nil)

type callKey struct{}

func callIn(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// newCall returns the call of a request. shared means that the page of another origin reads the
// response.
func newCall(h *Handler, w http.ResponseWriter, r *http.Request, shared bool) *call {
	c := &call{handler: h, control: http.NewResponseController(w), path: r.URL.Path}
	c.conn = connIn(r.Context())
	c.conn.arrived(w)
	c.body.ReadCloser = r.Body
	c.response.ResponseWriter, c.response.control, c.response.shared = w, c.control, shared
	c.request = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	c.request.Body = &c.body
	c.body.ended.Store(r.Body == http.NoBody)
	if r.ProtoMajor == 1 {
		_ = c.control.EnableFullDuplex() // a stream may send its header before the request has ended
		c.response.before = c.settleRequest
	}
	h.negotiate(c)
	return c
}

// serve runs the call through the pipeline. It is called by the protocol's handler.
func (c *call) serve(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
	c.info, _ = connect.CallInfoForServerContext(ctx)
	c.ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	c.stream = stream
	c.single = spec.StreamType&connect.StreamTypeClient == 0
	var err error
	if c.md, err = metadataOf(c.request); err == nil {
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
	c.over = true
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
	c.writeHeader()
	copyMetadata(c.info.ResponseTrailer(), c.trailer)
	c.trailer = nil
	return err
}

// finish is called when the response is written.
func (c *call) finish() {
	if c.complete && c.info == nil {
		c.noteRejected()
	}
	c.mu.Lock()
	c.over, c.finished = true, true
	c.stopDeadline()
	c.mu.Unlock()
	if c.release != nil {
		c.release()
	}
}

// What is read and dropped of a request of HTTP/1.1 that its call does not read to the end.
const (
	leftoverTime  = time.Second
	leftoverBytes = 256 << 10
)

// settleRequest runs before the header of a response over HTTP/1.1: unless the request has ended,
// the connection is closed after the response. net/http, in full duplex, would take what follows
// for another request, or panic in the next one.
func (c *call) settleRequest() {
	if c.info == nil || c.isOver() {
		c.dropLeftover()
	}
	if !c.body.ended.Load() {
		c.response.Header().Set("Connection", "close")
	}
}

// dropLeftover reads the rest of the request, so that the connection can be used again, and the
// client reads the response instead of failing to write.
func (c *call) dropLeftover() {
	if c.body.ended.Load() {
		return
	}
	c.mu.Lock()
	interrupted := c.why != nil
	c.mu.Unlock()
	if !interrupted {
		_ = c.control.SetReadDeadline(time.Now().Add(leftoverTime))
	}
	_, _ = io.CopyN(io.Discard, &c.body, leftoverBytes)
	if c.body.ended.Load() {
		_ = c.control.SetReadDeadline(time.Time{})
	}
}

// noteRejected logs a call that the protocol has answered by itself. Requests that are no calls of
// any protocol, which it answers as HTTP does, are not logged.
func (c *call) noteRejected() {
	switch c.response.code {
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusHTTPVersionNotSupported:
		return
	}
	err := errHeaders
	if c.hasUnknownEncoding() {
		err = errEncoding
	}
	c.ctx, c.info = c.request.Context(), new(connect.CallInfo)
	c.cancel = func() {}
	c.md, _ = metadataOf(c.request)
	c.peer = c.conn.peer(c.request)
	c.handler.host.Reject(c, err)
}

// The errors in the log of calls that the protocols reject.
var (
	errEncoding = rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the compression of the request is not supported").Fixed()
	errHeaders  = rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument, "the headers of the request are malformed").Fixed()
)

// hasUnknownEncoding reports whether the request is compressed by something else than gzip.
func (c *call) hasUnknownEncoding() bool {
	for _, name := range []string{"Content-Encoding", "Grpc-Encoding", "Connect-Content-Encoding"} {
		switch c.request.Header.Get(name) {
		case "", connect.CompressionNameIdentity, connect.CompressionNameGzip:
		default:
			return true
		}
	}
	return false
}

// Context implements [server.FrontCall].
func (c *call) Context() context.Context { return c.ctx }

// Peer implements [server.FrontCall].
func (c *call) Peer() *peer.Peer { return c.peer }

// Metadata implements [server.FrontCall].
func (c *call) Metadata() metadata.MD { return c.md }

// Method implements [grpc.ServerTransportStream].
func (c *call) Method() string { return c.path }

// RecvMsg implements [server.FrontCall].
func (c *call) RecvMsg(msg any) error {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	if c.isOver() {
		return errOver
	}
	err := c.stream.Receive(msg)
	if err == nil {
		if c.single {
			c.mu.Lock()
			c.stopDeadline()
			c.mu.Unlock()
		}
		return nil
	}
	return c.receiveError(err)
}

// SendMsg implements [server.FrontCall].
func (c *call) SendMsg(msg any) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return errOver
	}
	c.writeHeader()
	if c.single && c.info.Spec.StreamType == connect.StreamTypeUnary { // a unary response has its trailer
		copyMetadata(c.info.ResponseTrailer(), c.trailer)
		c.trailer = nil
	}
	c.mu.Unlock()
	err := c.stream.Send(msg)
	c.handler.uncompressed.remove(c.marked)
	c.marked = nil
	if err != nil {
		return c.sendError(err)
	}
	return nil
}

// RecvCompress implements [server.FrontCall].
func (c *call) RecvCompress() string {
	if c.info.ResponseEncoding == connect.CompressionNameIdentity {
		return ""
	}
	return c.info.ResponseEncoding
}

// SetUncompressed implements [server.FrontCall].
func (c *call) SetUncompressed() { c.plain.Store(true) }

// errOver is the error of a method that sends or receives although its call has ended.
var errOver = status.Error(codes.Canceled, "the call has ended")

func (c *call) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// SetHeader implements [grpc.ServerTransportStream].
func (c *call) SetHeader(md metadata.MD) error {
	if err := checkMetadata(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent || c.over {
		return errSent
	}
	c.header = metadata.Join(c.header, md)
	return nil
}

// SendHeader implements [grpc.ServerTransportStream]. The header of a unary call waits for the
// response, as its protocol requires.
func (c *call) SendHeader(md metadata.MD) error {
	if err := c.SetHeader(md); err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return errSent
	}
	c.writeHeader()
	c.mu.Unlock()
	if err := c.stream.SendHeaders(); err != nil {
		return c.sendError(err)
	}
	return nil
}

// SetTrailer implements [grpc.ServerTransportStream].
func (c *call) SetTrailer(md metadata.MD) error {
	if err := checkMetadata(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return errSent
	}
	c.trailer = metadata.Join(c.trailer, md)
	return nil
}

// errSent reports metadata that is set too late.
var errSent = errors.New("the header of the call has been sent")

// writeHeader passes the header on, once; c is locked.
func (c *call) writeHeader() {
	if !c.sent {
		c.sent = true
		copyMetadata(c.info.ResponseHeader(), c.header)
	}
}

// WriteStatus implements [server.FrontCall].
func (c *call) WriteStatus(st *status.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return errOver
	}
	if c.status == nil {
		c.status = st
	}
	c.interruptLocked(st.Err())
	c.cancel()
	return nil
}

// SetReadDeadline implements [server.FrontCall]. A timer interrupts the read: deadlines of
// connections would also end the watch for a client that goes away.
func (c *call) SetReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.stopDeadline()
	c.deadline = time.AfterFunc(time.Until(t), func() { c.Interrupt(errLate) })
}

// stopDeadline stops the timer for reading; c is locked.
func (c *call) stopDeadline() {
	if c.deadline != nil {
		c.deadline.Stop()
	}
}

// errLate is the error of a request that has not arrived within its time.
var errLate = status.FromContextError(context.DeadlineExceeded).Err()

// Interrupt implements [server.FrontCall]. The first reason counts: interrupting a read of HTTP/1.1
// also ends the context of the request.
func (c *call) Interrupt(because error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interruptLocked(because)
}

func (c *call) interruptLocked(because error) {
	if c.finished || c.body.ended.Load() {
		return
	}
	if c.why == nil {
		c.why = because
	}
	_ = c.control.SetReadDeadline(longAgo)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Written implements [server.FrontCall].
func (c *call) Written() int64 { return c.response.written.Load() }

// Abort implements [server.FrontCall].
func (c *call) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	c.interruptLocked(errGone)
	if c.cancel != nil {
		c.cancel()
	}
	_ = c.control.SetWriteDeadline(longAgo)
}

// receiveError returns the status of a request that could not be received.
func (c *call) receiveError(err error) error {
	var undecodable *decodeError
	switch {
	case errors.As(err, &undecodable):
		return undecodable.status()
	case connect.CodeOf(err) == connect.CodeResourceExhausted:
		return status.Errorf(codes.ResourceExhausted,
			"the request is larger than max %d bytes", c.handler.settings.maxRequest)
	case c.body.failed.Load(): // before io.EOF, which it may wrap
		return c.brokenError()
	case errors.Is(err, io.EOF):
		return io.EOF
	case c.request.Method == http.MethodGet:
		return errQuery
	default:
		return statusOf(err)
	}
}

// errQuery is the error of a GET whose message is not in base64.
var errQuery = rpcerr.ReasonInvalidRequest.
	Errorf(codes.InvalidArgument, "the parameter message is not in base64").Fixed()

// brokenError returns the status of a request whose reading has failed.
func (c *call) brokenError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.why != nil:
		return c.why
	case context.Cause(c.ctx) == context.DeadlineExceeded:
		return errLate
	default:
		return status.Error(codes.Canceled, "the client ended the request before it was complete")
	}
}

// sendError returns the status of a response that could not be sent.
func (c *call) sendError(err error) error {
	if connect.CodeOf(err) == connect.CodeResourceExhausted {
		return status.Errorf(codes.ResourceExhausted,
			"the response is larger than max %d bytes", c.handler.settings.maxResponse)
	}
	if connect.CodeOf(err) == connect.CodeInternal { // it cannot be encoded
		return statusOf(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != nil {
		return c.status.Err()
	}
	if err := c.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return rpcerr.Hide(errGone, err.Error())
}

// errGone is the error of sending to a client that is gone.
var errGone = status.Error(codes.Canceled, "the client is gone")
