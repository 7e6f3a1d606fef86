package client

import (
	"context"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Unary calls a unary RPC. It sends a nil req as an empty one.
//
// Like all functions of this package that make calls, it returns errors with a status: the status
// from grpc, CANCELED or DEADLINE_EXCEEDED for context errors, and UNKNOWN for other errors of
// interceptors. If a server's method returns such an error, its caller receives what
// docs/errors.md says, and never a text of the connection.
//
// The call has the deadline of ctx. If ctx has none, the deadline is the timeout of the method's
// policy, or [DefaultTimeout] if the policy has none. If the deadline is that of a server call,
// the call ends a little earlier: see [DeadlineMargin].
//
// Like all calls of this package, it sends an x-request-id: the one in the outgoing metadata of
// ctx, or else that of the server call that ctx belongs to, or else a new one.
//
// If the policy has hedging, the request is sent to a second server when the first is slow (gRFC
// A6). The first response counts. Unary returns when all attempts have ended, so req may be
// modified then.
//
// If the policy names an idempotency key field (AIP-155), a request without a key is sent as a
// copy with a new UUID, the same in all attempts of the call; req itself is not modified. A
// caller that retries must set the field, so that both calls have the same key. A field with
// presence that is set to "" is sent unchanged: the call has no key.
func Unary[Resp, Req any](ctx context.Context, m *Method, req *Req) (*Resp, error) {
	if m.near == nil {
		ctx = withRequestID(ctx)
	}
	if m.observed == nil {
		return unary[Resp](ctx, m, req, nil)
	}
	ctx, call := m.observed.begin(ctx)
	err := errAborted
	defer func() { call.finish(err) }()
	resp, err := unary[Resp](ctx, m, req, call)
	return resp, err
}

// unary is Unary for a call that may be observed.
func unary[Resp, Req any](
	ctx context.Context, m *Method, req *Req, call *observedCall,
) (*Resp, error) {
	options := m.callOptions(ctx)
	ctx, cancel := m.limit(ctx)
	defer cancel()
	if m.idempotencyKey != nil {
		req = withID(m.idempotencyKey, req)
	}
	if m.hedging != nil {
		return hedgeUnary[Resp](ctx, m, req, options, call)
	}
	resp := new(Resp)
	if err := m.invoke(ctx, req, resp, call.withAttempts(options)); err != nil {
		return nil, rpcerr.Upstream(ctx, err)
	}
	call.exchanged()
	return resp, nil
}

// invoke makes a call that is not hedged.
func (m *Method) invoke(ctx context.Context, req, resp any, options []grpc.CallOption) error {
	if m.near != nil {
		return m.near.Call(ctx, m.info.FullMethod, outgoingRequestID, req, resp, options...)
	}
	return m.conn.Invoke(ctx, m.info.FullMethod, req, resp, options...)
}
