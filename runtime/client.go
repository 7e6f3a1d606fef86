package runtime

import (
	"context"

	"google.golang.org/grpc"
)

// Client is a service's table bound to a connection: a row per RPC, in the order of the table. Generated clients hold one
// and pass its rows to [CallUnary], [CallServerStream], [CallClientStream] and [CallBidi].
type Client []*ClientMethod

// ClientMethod is one RPC at the other end of a connection, with all that its calls need looked up once.
type ClientMethod struct {
	conn    grpc.ClientConnInterface
	info    MethodInfo
	desc    grpc.StreamDesc
	options []grpc.CallOption // of every call; full, so that append copies
}

// newClientMethod binds the RPC that info describes to conn.
func newClientMethod(conn grpc.ClientConnInterface, info MethodInfo) *ClientMethod {
	return &ClientMethod{
		conn: conn,
		info: info,
		desc: grpc.StreamDesc{
			StreamName:    info.Name,
			ClientStreams: info.Kind == KindClientStream || info.Kind == KindBidi,
			ServerStreams: info.Kind == KindServerStream || info.Kind == KindBidi,
		},
		options: []grpc.CallOption{grpc.StaticMethod()},
	}
}

// Info returns what is known of the RPC.
func (m *ClientMethod) Info() MethodInfo { return m.info }

// callOptions returns the options of a call: those of the method, then those of [WithCallOptions].
func (m *ClientMethod) callOptions(ctx context.Context) []grpc.CallOption {
	if more := callOptionsOf(ctx); len(more) > 0 {
		return append(m.options, more...)
	}
	return m.options
}

// misuse returns the error for a caller's mistake, which reached no server: INTERNAL for who is called in turn, the text
// for the log.
func (m *ClientMethod) misuse(text string) error {
	return internalError(m.info.FullMethod[1:] + ": " + text)
}

// CallUnary calls a unary RPC. Its errors are statuses, as grpc gives them; a nil req is sent as an empty one.
//
// Like all calls of this package it sends the deadline of ctx, and an x-request-id: the one that the outgoing metadata of ctx
// holds already, else that of the server call that ctx belongs to, else a new one.
func CallUnary[Resp, Req any](ctx context.Context, m *ClientMethod, req *Req) (*Resp, error) {
	resp := new(Resp)
	if err := m.conn.Invoke(withRequestID(ctx), m.info.FullMethod, req, resp, m.callOptions(ctx)...); err != nil {
		return nil, err
	}
	return resp, nil
}
