package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/inprocess"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Conn returns a connection to the server without a network, for other parts of the same process: a
// monolith, or a bridge from another protocol.
//
//	books := libraryv1service.NewBookServiceClient(srv.Conn())
//
// Calls run through the pipeline like those of a network: a method sees the caller's outgoing
// metadata as its own, its deadline and its cancellation, and nothing else of its context. Messages
// are encoded and decoded, so neither side sees later changes of the other. A stream holds 64 KiB
// in each direction before a sender waits. All calls count for one peer, whose address is
// "inprocess"; an authenticator that requires a client certificate rejects them. The options
// [grpc.Header], [grpc.Trailer], [grpc.Peer], [grpc.OnFinish] and [grpc.PerRPCCredentials] have
// their effect, all others none.
//
// A unary method runs in the goroutine of its caller, because the change to another goroutine and
// back costs more than the rest of a call. So the call returns when its method returns. If the
// caller's context has ended by then, the result is CANCELED or DEADLINE_EXCEEDED, as over a
// network. But a method that ignores its context delays its caller, which a network would not, and
// which [WithSeparateGoroutines] prevents. runtime.Goexit, as in FailNow of a test, ends the
// goroutine of the caller, and a panic that the server does not recover continues there. Methods
// with streams run in separate goroutines.
//
// What belongs to connections does not apply: retries, hedging and balancing of clients, TLS,
// compression, the limits of [WithMaxConnections], the maximum size of messages, interceptors and
// stats handlers of [WithGRPCOptions]. To test those, use package servicetest.
//
// A Conn may be used before [Server.Serve]. While the server shuts down, it accepts calls until the
// last one has finished, or the shutdown timeout cancels them, so that methods that are running can
// still call others; then calls fail with UNAVAILABLE. It needs no Close, and is safe for
// concurrent use.
func (s *Server) Conn(opts ...ConnOption) grpc.ClientConnInterface {
	conn := &inprocess.Conn{Host: host{s}}
	for _, opt := range opts {
		opt(conn)
	}
	return conn
}

// ConnOption configures a connection of [Server.Conn].
type ConnOption func(*inprocess.Conn)

// WithPeer makes methods see what of returns as the peer of a call, whose context of receives:
// rates and bounds count for it, and authenticators see its certificate. It is for bridges from
// another protocol. If of returns nil, the call has the default peer.
func WithPeer(of func(ctx context.Context) *peer.Peer) ConnOption {
	return func(c *inprocess.Conn) { c.Peer = of }
}

// WithSeparateGoroutines makes unary methods run in separate goroutines. Then a call returns when
// the context of its caller ends, although its method is still running, as over a network. It is
// for callers that must keep their deadline whatever methods do. On a machine with idle processors
// it adds several microseconds to a call.
func WithSeparateGoroutines() ConnOption {
	return func(c *inprocess.Conn) { c.Separate = true }
}

// host is a server as its connections see it.
type host struct{ *Server }

// Enter implements [inprocess.Host].
func (h host) Enter() error {
	if !h.pipeline.awaited.Enter() {
		return rpcerr.Public(runtime.ErrDraining)
	}
	return nil
}

// Leave implements [inprocess.Host].
func (h host) Leave() { h.pipeline.awaited.Leave() }

// Handler implements [inprocess.Host].
func (h host) Handler(path string) inprocess.Handler {
	index := h.index.Load()
	if index == nil {
		index = h.indexPaths()
	}
	if handler, ok := index.handlers[path]; ok {
		return handler
	}
	unknown := h.pipeline.unknownMethod()
	return inprocess.Handler{Stream: func(srv any, ss grpc.ServerStream) error {
		return unknown.streamCall(srv, ss, rejectUnknown)
	}}
}

// indexPaths makes the handlers of all methods known by their paths, until the next registration.
func (s *Server) indexPaths() *pathIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := &pathIndex{handlers: make(map[string]inprocess.Handler)}
	add := func(service, name string, handler inprocess.Handler) {
		path := "/" + service + "/" + name
		index.handlers[path] = handler
		if m := s.pipeline.lookup(path); m != nil {
			index.methods.infos = append(index.methods.infos, m.info)
		}
	}
	for _, r := range s.services {
		for _, m := range r.desc.Methods {
			add(r.desc.ServiceName, m.MethodName, inprocess.Handler{Impl: r.impl, Unary: m.Handler})
		}
		for _, m := range r.desc.Streams {
			add(r.desc.ServiceName, m.StreamName, inprocess.Handler{Impl: r.impl, Stream: m.Handler})
		}
	}
	s.index.Store(index)
	return index
}
