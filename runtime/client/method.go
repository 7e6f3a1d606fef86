package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Method is one RPC at the other end of a connection, with all that its calls need looked up once.
type Method struct {
	conn    grpc.ClientConnInterface
	info    runtime.MethodInfo
	desc    grpc.StreamDesc
	options []grpc.CallOption // of every call; full, so that append copies
	timeout time.Duration     // of a call without deadline, and of every stream; 0 is none
	hedging *hedging          // nil where calls are not hedged

	idempotencyKey protoreflect.FieldDescriptor // of each request, filled in where it is empty; nil where there is none
}

// newClientMethod binds the RPC that info describes to conn.
func Bind(conn grpc.ClientConnInterface, info runtime.MethodInfo) *Method {
	timeout := DefaultTimeout
	if c, ok := conn.(*timedConn); ok {
		conn, timeout = c.ClientConnInterface, c.timeout
	}
	return &Method{
		conn: conn,
		info: info,
		desc: grpc.StreamDesc{
			StreamName:    info.Name,
			ClientStreams: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
			ServerStreams: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		},
		options: []grpc.CallOption{grpc.StaticMethod()},
		timeout: clientTimeout(info, timeout),
		hedging: newHedging(info.Policy.Hedging),

		idempotencyKey: filledField(info),
	}
}

// Info returns what is known of the RPC.
func (m *Method) Info() runtime.MethodInfo { return m.info }

// callOptions returns the options of a call: those of the method, then those of [WithCallOptions].
func (m *Method) callOptions(ctx context.Context) []grpc.CallOption {
	if more := callOptionsOf(ctx); len(more) > 0 {
		return append(m.options, more...)
	}
	return m.options
}

// misuse returns the error for a caller's mistake, which reached no server: INTERNAL for who is called in turn, the text
// for the log.
func (m *Method) misuse(text string) error {
	return rpcerr.Internal(m.info.FullMethod[1:] + ": " + text)
}

// Unary calls a unary RPC; a nil req is sent as an empty one.
//
// Like those of all calls of this package, its errors are statuses: those that grpc returns,
// CANCELED or DEADLINE_EXCEEDED for errors of contexts, and UNKNOWN for other errors of
// interceptors. A server whose method returns such an error passes on what docs/errors.md says,
// and never a text of the connection.
//
// The call has the deadline of ctx. Where ctx has none, it is the timeout of the method's policy,
// or [server.DefaultTimeout] where that says nothing. Where the deadline is that of a server call, a
// little is kept back: see [DeadlineMargin].
//
// Like all calls of this package it sends an x-request-id: the one that the outgoing metadata of
// ctx holds already, else that of the server call that ctx belongs to, else a new one.
//
// Where the policy says to hedge, the request goes to a second server when the first takes long
// (gRFC A6). The first answer counts, and Unary returns when all attempts have ended, so that
// req may be changed then.
//
// Where the policy names the field of an idempotency key (AIP-155), a request without one is sent as a
// copy that has a new UUID, the same in all attempts that are made for the call; req itself is
// not changed. A caller who calls again sets the field, so that both calls have the same. An id
// that is set to "", where the proto tells that from not set, is sent so: the call has none.
func Unary[Resp, Req any](ctx context.Context, m *Method, req *Req) (*Resp, error) {
	options := m.callOptions(ctx)
	ctx, cancel := m.limit(withRequestID(ctx))
	defer cancel()
	if m.idempotencyKey != nil {
		req = withID(m.idempotencyKey, req)
	}
	if m.hedging != nil {
		return hedgeUnary[Resp](ctx, m, req, options)
	}
	resp := new(Resp)
	if err := m.conn.Invoke(ctx, m.info.FullMethod, req, resp, options...); err != nil {
		return nil, rpcerr.Upstream(ctx, err)
	}
	return resp, nil
}
