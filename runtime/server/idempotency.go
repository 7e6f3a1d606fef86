package server

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithIdempotency makes guard recognize repeated calls by their idempotency key. It guards the
// methods whose policy has an IdempotencyKey. Unary methods of third-party services have one if
// the options in their proto name its field.
func WithIdempotency(guard IdempotencyGuard) Option {
	return func(c *settings) {
		if isNil(guard) {
			c.fail("WithIdempotency(nil): pass a guard, such as idempotency.New(idempotency.Memory()), " +
				"or leave the option out")
			return
		}
		c.idempotency = guard
	}
}

// idempotencyAround returns the step that recognizes repeated calls; nil if the policy names no
// key.
func (m *method) idempotencyAround() unaryAround {
	if m.idempotency == nil || m.info.Policy.IdempotencyKey.Field == "" || m.info.Kind != runtime.KindUnary {
		return nil
	}
	guard := m.idempotency.Bind(m.info)
	if guard == nil {
		return nil
	}
	return func(next grpc.UnaryHandler) grpc.UnaryHandler {
		return func(ctx context.Context, req any) (any, error) {
			msg, ok := req.(proto.Message)
			if !ok { // the user's own codec, whose fields cannot be read
				return next(ctx, req)
			}
			return guard(ctx, msg, func(ctx context.Context) (proto.Message, error) { return keepable(ctx, msg, next) })
		}
	}
}

// keepable runs next and returns its response, to be stored once all goroutines of the call have
// succeeded.
func keepable(ctx context.Context, req proto.Message, next grpc.UnaryHandler) (proto.Message, error) {
	resp, err := next(ctx, req)
	if c, ok := callOf(ctx); ok {
		err = c.join(err)
	}
	if err != nil {
		return nil, err
	}
	answer, ok := resp.(proto.Message)
	if !ok {
		return nil, rpcerr.Internal(fmt.Sprintf("the response is a %T, not a proto message; "+
			"it cannot be stored for repeated calls", resp))
	}
	return answer, nil
}
