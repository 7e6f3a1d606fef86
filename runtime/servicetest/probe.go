package servicetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// faultKey is the metadata key by which a caller requests a fault of the method's context.
const (
	faultKey       = "grpcservice-servicetest-fault"
	faultCancelled = "cancelled"
	faultExpired   = "expired"
)

// probe observes the calls in a server's pipeline. It identifies them by their request IDs.
type probe struct {
	mark   mark
	log    *testLog
	method protoreflect.MethodDescriptor

	mu    sync.Mutex
	calls map[string]*sighting
}

// sighting is what a probe observed of one call.
type sighting struct {
	id     string
	begun  chan struct{} // closed when the method is called
	ended  chan struct{} // closed when the method and its goroutines have returned
	code   string        // read the fields below only after ended is closed
	cause  string
	panics []string

	onceBegun, onceEnded sync.Once
}

func newProbe(t testing.TB, m mark, method protoreflect.MethodDescriptor) *probe {
	return &probe{
		mark:   m,
		log:    newTestLog(t),
		method: method,
		calls:  make(map[string]*sighting),
	}
}

// around adds the probe to opts, as the first interceptor, and with its own log.
func (p *probe) around(opts []server.Option) []server.Option {
	all := []server.Option{server.WithUnaryInterceptors(p.unary), server.WithStreamInterceptors(p.streaming)}
	return append(append(all, opts...),
		// Calls must reach the method
		server.WithAuthenticator(everybody{}), server.WithoutAuthentication(),
		server.WithRateLimiter(unlimited{}),
		server.WithLogger(slog.New(&callLog{Handler: p.log, probe: p})),
		server.WithObservers(p),
		server.WithPanicHandler(p.panicked),
		server.WithDrainDelay(0),
		server.WithShutdownTimeout(time.Second), // the methods have already been waited for
	)
}

func (p *probe) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	p.begin(ctx)
	ctx, cancel := p.context(ctx)
	defer cancel()
	return handler(ctx, req)
}

func (p *probe) streaming(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := p.context(ss.Context())
	defer cancel()
	if info.IsClientStream {
		p.begin(ctx)
	}
	return handler(srv, &probedStream{ServerStream: ss, ctx: ctx, probe: p})
}

// probedStream is a grpc.ServerStream with another context.
type probedStream struct {
	grpc.ServerStream
	ctx   context.Context
	probe *probe
}

func (s *probedStream) Context() context.Context { return s.ctx }

// RecvMsg notifies the probe when a method that takes one request has received it and is called.
func (s *probedStream) RecvMsg(msg any) error {
	err := s.ServerStream.RecvMsg(msg)
	if err == nil {
		s.probe.begin(s.ctx)
	}
	return err
}

// begin records that the method of ctx's call is called.
func (p *probe) begin(ctx context.Context) {
	if call, ok := runtime.CallFromContext(ctx); ok {
		if seen := p.sighting(call.RequestID()); seen != nil {
			seen.onceBegun.Do(func() { close(seen.begun) })
		}
	}
}

// context applies the fault that the caller requested to the context of a method.
func (p *probe) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = p.mark.context(ctx)
	fault := metadata.ValueFromIncomingContext(ctx, faultKey)
	switch {
	case len(fault) == 1 && fault[0] == faultExpired:
		return context.WithDeadline(ctx, time.Now().Add(-time.Second))
	case len(fault) == 1 && fault[0] == faultCancelled:
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	default:
		return context.WithCancel(ctx)
	}
}

// expect registers a call.
func (p *probe) expect() *sighting {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &sighting{id: fmt.Sprintf("%s-%d", p.mark, len(p.calls)+1), begun: make(chan struct{}), ended: make(chan struct{})}
	p.calls[s.id] = s
	return s
}

// sighting returns nil for unregistered calls.
func (p *probe) sighting(id string) *sighting {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id]
}

// panicked is the server's [server.PanicHandler].
func (p *probe) panicked(ctx context.Context, value any, stack []byte) {
	call, _ := runtime.CallFromContext(ctx)
	s := p.sighting(call.RequestID())
	p.mu.Lock()
	defer p.mu.Unlock()
	if s != nil {
		s.panics = append(s.panics, fmt.Sprintf("%v\n\n%s", value, stack))
	}
}

// callLog passes records on, except for panics of registered calls: the finding shows those.
type callLog struct {
	slog.Handler
	probe *probe
}

func (l *callLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &callLog{Handler: l.Handler.WithAttrs(attrs), probe: l.probe}
}

func (l *callLog) Handle(ctx context.Context, record slog.Record) error {
	if call, ok := runtime.CallFromContext(ctx); ok && record.Message == "panic" && l.probe.sighting(call.RequestID()) != nil {
		return nil
	}
	return l.Handler.Handle(ctx, record)
}

// Bind makes the probe an observer of all calls, whatever the policy says of the log.
func (p *probe) Bind(runtime.MethodInfo) runtime.MethodObserver { return p }

// Begin implements runtime.MethodObserver.
func (p *probe) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }

// End records the outcome of a call.
func (p *probe) End(_ context.Context, call runtime.Call, outcome runtime.Outcome) {
	seen := p.sighting(call.RequestID())
	if seen == nil {
		return
	}
	seen.onceEnded.Do(func() {
		seen.code = status.Code(outcome.Err).String()
		if outcome.Cause != nil {
			seen.cause = fmt.Sprint(outcome.Cause) // safe for an error that is a nil pointer
		}
		close(seen.ended)
	})
}
