package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
	"github.com/grpcservice/grpcservice/runtime/internal/inprocess"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Host is a server as a [Front] sees it: its methods, bound to the pipeline, and what its addresses
// share.
//
// It is the way for protocols that have a connection of their own. [Server.Conn] is the shorter way
// for callers in the same process, but it takes a request that is decoded already: a front would
// decode requests of callers that are rejected afterwards, and encode each message twice.
type Host struct{ server *Server }

// Host returns the server as a front sees it. It may be used before [Server.Serve].
func (s *Server) Host() *Host { return &Host{s} }

// FrontCall is one call of a [Front]. RecvMsg and SendMsg are those of a [grpc.ServerStream]: one
// goroutine calls each at a time, and possibly still when [Host.Serve] has returned. All other
// methods may be called concurrently, and after the end of the call.
type FrontCall interface {
	// Context ends when the client is gone or its deadline has passed. Its values are visible to the
	// method.
	Context() context.Context
	// Peer is that of the connection. PeerCertificate reads its AuthInfo.
	Peer() *peer.Peer
	// Conn is the connection of [Host.Listen] that carries the call; nil for another.
	Conn() HostConn
	// Metadata is that of the call, with names in lower case and decoded values of names in "-bin".
	// It must not change.
	Metadata() metadata.MD

	// ServerTransportStream is where [grpc.SetHeader] and similar functions write.
	grpc.ServerTransportStream
	// WriteStatus ends the call although its method has not returned: it interrupts RecvMsg, and
	// SendMsg if the client does not read.
	WriteStatus(st *status.Status) error

	// RecvMsg receives a request, and returns io.EOF after the last one. A request above the limit of
	// the front is RESOURCE_EXHAUSTED.
	RecvMsg(msg any) error
	// SendMsg sends a response.
	SendMsg(msg any) error

	// RecvCompress is the name of the compressor of the response, unless it is decided otherwise, and
	// "" if the client accepts none.
	RecvCompress() string
	// SetUncompressed makes the front send the responses of the call uncompressed, or at least so that
	// their size says nothing about their content.
	SetUncompressed()

	// SetReadDeadline makes a running and every later RecvMsg fail at t, unless the request is
	// complete.
	SetReadDeadline(t time.Time)
	// Interrupt makes them fail now, because, which is a status.
	Interrupt(because error)
	// Written is how many bytes of the response the connection has accepted: a finished call of which
	// it accepts nothing for too long is aborted.
	Written() int64
	// Abort resets the call at once.
	Abort()
}

// Serve runs a call through the pipeline: that of the method whose path Method returns. It returns
// the error that the caller receives, a status, when the call has finished and its response was
// passed to SendMsg. The front sends it, and calls release when the response is written: until then,
// the call counts for [WithMaxCalls], and a shutdown waits for it.
func (h *Host) Serve(call FrontCall) (release func(), err error) {
	s := h.server
	if s.pipeline.drain.hasStarted() || !s.pipeline.awaited.Enter() {
		return func() {}, rpcerr.Public(runtime.ErrDraining)
	}
	a := s.pipeline.arrive(call)
	release = func() {
		a.Release()
		s.pipeline.awaited.Leave()
	}
	returned := false
	defer func() {
		if !returned { // the method has ended its goroutine
			release()
		}
	}()
	err = host{s}.run(a, call)
	returned = true
	return release, err
}

// Reject observes and logs a call that the front has answered by itself with err, a status, because
// it cannot be passed on: its encoding is not supported, or its headers are malformed.
func (h *Host) Reject(call FrontCall, err error) {
	p := h.server.pipeline
	a := p.arrive(call)
	defer a.Release()
	p.noteRejected(a, err)
}

// run runs the handler of a call.
func (h host) run(a *bounds.Arrival, call FrontCall) error {
	handler := h.Handler(a.Method)
	if handler.Stream != nil {
		return handler.Stream(handler.Impl, frontStream{call, a})
	}
	resp, err := handler.Unary(handler.Impl, a, call.RecvMsg, nil)
	if err != nil {
		return err
	}
	return call.SendMsg(resp)
}

// arrive counts a call of a front, and allocates it, as tapHandle does with those of grpc.
func (p *pipeline) arrive(call FrontCall) *bounds.Arrival {
	held := new(heldCall)
	c := &held.callContext
	c.call.start = time.Now()
	a := &c.own
	at := call.Peer()
	held.front = frontContext{call.Context(), call, at}
	a.Context = &held.front
	a.Method, a.Header, a.Room = call.Method(), call.Metadata(), c
	a.Client = p.clientAddr(at.Addr, valuesIn(a.Header))
	conn, _ := call.Conn().(*bounds.PlainConn)
	p.capacity.Hold(a, conn, at.Addr, call, a.Method == healthCheck)
	return a
}

// frontStream is the stream of a call, as handlers see it.
type frontStream struct {
	FrontCall
	ctx context.Context
}

// Context implements [grpc.ServerStream].
func (s frontStream) Context() context.Context { return s.ctx }

// SetTrailer implements [grpc.ServerStream].
func (s frontStream) SetTrailer(md metadata.MD) { _ = s.FrontCall.SetTrailer(md) }

// heldCall is a call of a front, in one allocation.
type heldCall struct {
	callContext
	front frontContext
}

// frontContext is the context of a call: what grpc puts into it, without an allocation for each.
type frontContext struct {
	context.Context
	call FrontCall
	peer *peer.Peer
}

// Value implements [context.Context].
func (c *frontContext) Value(key any) any {
	switch key {
	case transportKey:
		return c.call
	case metadataKey:
		return c.call.Metadata()
	case peerKey:
		return c.peer
	}
	return c.Context.Value(key)
}

// The keys of grpc's values in contexts, which grpc does not export.
var (
	metadataKey = ctxkey.Of(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
	peerKey     = ctxkey.Of(func(ctx context.Context) { peer.FromContext(ctx) })
)

// Methods are the methods of a server at one time: the same until another service is registered.
type Methods struct{ infos []runtime.MethodInfo }

// All returns the methods, including those of health and, once the server has started, reflection.
// Do not change them.
func (m *Methods) All() []runtime.MethodInfo { return m.infos }

// Methods returns the methods of the server. It costs little enough for every call, and returns the
// same pointer until another service is registered.
func (h *Host) Methods() *Methods {
	index := h.server.index.Load()
	if index == nil {
		index = h.server.indexPaths()
	}
	return &index.methods
}

// pathIndex has the methods of a server by their paths.
type pathIndex struct {
	handlers map[string]inprocess.Handler
	methods  Methods
}

// Logger returns the logger of the server.
func (h *Host) Logger() *slog.Logger { return h.server.pipeline.logger }

// Draining is closed when the server accepts no more calls.
func (h *Host) Draining() <-chan struct{} { return h.server.pipeline.drain.started }

// Compression returns the arguments of [WithResponseCompression].
func (h *Host) Compression() (whose ResponseCompression, minBytes int) {
	c := h.server.pipeline.compression
	return c.whose, c.minBytes
}

// SendTimeout returns the argument of [WithSendTimeout].
func (h *Host) SendTimeout() time.Duration { return h.server.pipeline.sendTimeout }

// MaxConnectionAge returns the arguments of [WithMaxConnectionAge].
func (h *Host) MaxConnectionAge() time.Duration { return h.server.pipeline.connectionAge }

// TLS returns the configuration of [WithTLSFiles] or [WithTLS] for the application protocols of a
// front; nil for a server of plain text. It fails for other credentials, which only grpc can use.
func (h *Host) TLS(protocols ...string) (*tls.Config, error) {
	c := h.server.pipeline.settings
	switch {
	case c.tls.files != nil && len(c.wrapCreds) == 0:
		return c.tls.files.ServerConfig(protocols...), nil
	case c.tls.config != nil && len(c.wrapCreds) == 0:
		config := c.tls.config.Clone()
		config.NextProtos = protocols
		return config, nil
	case c.creds != nil:
		return nil, errors.New("the credentials of the server are grpc's alone: " +
			"use WithTLS or WithTLSFiles, or configure TLS for the front")
	}
	return nil, nil
}

// Listen returns lis with the bounds of connections and the PROXY protocol of the server. Its
// connections are [HostConn]s.
func (h *Host) Listen(lis net.Listener) net.Listener { return h.server.pipeline.capacity.Plain(lis) }

// HostConn is a connection of [Host.Listen].
type HostConn interface {
	net.Conn
	// Arrived records that the connection has sent a call. A shutdown closes those that have not.
	Arrived()
	// Finishing records whether all that the connection does is to send the last bytes of a response
	// and to wait for the next request. It is closed if its client does not read them.
	Finishing(bool)
	// Secured closes the connection when the verified certificate of the client has expired.
	Secured(info credentials.AuthInfo)
}

// HostConnOf returns the connection of [Host.Listen] that raw is or, as one of TLS, wraps with a
// method NetConn; nil if there is none.
func HostConnOf(raw net.Conn) HostConn {
	for {
		if conn, ok := raw.(HostConn); ok {
			return conn
		}
		wrapped, ok := raw.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		raw = wrapped.NetConn()
	}
}
