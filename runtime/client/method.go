package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/inprocess"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Method is an RPC on a connection, with everything that its calls need resolved once. It is safe
// for concurrent use.
type Method struct {
	conn     grpc.ClientConnInterface
	info     runtime.MethodInfo
	desc     grpc.StreamDesc
	options  []grpc.CallOption // of every call; at full capacity, so that append copies
	timeout  time.Duration     // of a call without a deadline, and of every stream; 0 is none
	hedging  *hedging          // nil if calls are not hedged
	observed *observedMethod   // nil if calls are not observed
	near     *inprocess.Conn   // that unary calls use; nil for a network

	idempotencyKey protoreflect.FieldDescriptor // set in each request that has none; nil if there is no field
}

// Bind binds the RPC that info describes to conn.
func Bind(conn grpc.ClientConnInterface, info runtime.MethodInfo) *Method {
	timeout := DefaultTimeout
	if c, ok := conn.(*timedConn); ok {
		conn, timeout = c.ClientConnInterface, c.timeout
	}
	var observed *observedMethod
	if c, ok := conn.(*Conn); ok {
		conn, observed = c.ClientConn, bindObservers(c.observers, c.CanonicalTarget(), info)
	}
	hedging := newHedging(info.Policy.Hedging)
	var near *inprocess.Conn
	if hedging == nil {
		near, _ = conn.(*inprocess.Conn)
	}
	return &Method{
		conn:     conn,
		near:     near,
		info:     info,
		observed: observed,
		desc: grpc.StreamDesc{
			StreamName:    info.Name,
			ClientStreams: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
			ServerStreams: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		},
		options: []grpc.CallOption{grpc.StaticMethod()},
		timeout: clientTimeout(info, timeout),
		hedging: hedging,

		idempotencyKey: filledField(info),
	}
}

// Info describes the RPC.
func (m *Method) Info() runtime.MethodInfo { return m.info }

// callOptions returns the options of a call: those of the method, then those of
// [WithCallOptions].
func (m *Method) callOptions(ctx context.Context) []grpc.CallOption {
	if more := callOptionsOf(ctx); len(more) > 0 {
		return append(m.options, more...)
	}
	return m.options
}

// misuse returns the error for a mistake of the caller that reached no server: INTERNAL, with the
// text for the log only.
func (m *Method) misuse(text string) error {
	return rpcerr.Internal(m.info.FullMethod[1:] + ": " + text)
}

// limit applies the deadline of a unary call. It costs nothing if ctx has that deadline already.
func (m *Method) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// limitStream applies the deadline of a stream, if any, and returns a context that can be
// canceled.
func (m *Method) limitStream(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, sooner := m.deadline(ctx); sooner {
		return context.WithDeadline(ctx, deadline)
	}
	return context.WithCancel(ctx)
}

// deadline returns the deadline of a call and reports whether it is earlier than that of ctx.
func (m *Method) deadline(ctx context.Context) (deadline time.Time, sooner bool) {
	deadline, limited := ctx.Deadline()
	if limited {
		deadline, sooner = withMargin(ctx, deadline)
	}
	if m.timeout == 0 || limited && m.info.Kind == runtime.KindUnary {
		return deadline, sooner
	}
	if end := time.Now().Add(m.timeout); !limited || end.Before(deadline) {
		return end, true
	}
	return deadline, sooner
}
