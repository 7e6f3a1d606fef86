package server

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// decodeStep is the name of the step that decodes requests.
var decodeStep = "decode"

// rejectedBy returns the name of the step that rejected a call, or "" if the method failed it.
func (c *callContext) rejectedBy() string {
	if step := c.step.Load(); step != nil {
		return *step
	}
	return ""
}

// isUndecodable reports whether an error of grpc's RecvMsg is about the message, and not about the
// end of the stream.
func isUndecodable(err error) bool {
	return err != io.EOF && (status.Code(err) == codes.Internal || msgsize.Exceeded(err))
}

// noteStep records the step around a method that a call is in; nil for the method.
func noteStep(ctx context.Context, step *string) {
	if c, ok := callOf(ctx); ok {
		c.step.Store(step)
	}
}

// named returns around, and records that a call is in the step until the step runs the next one.
func (around unaryAround) named(step string) unaryAround {
	return func(next grpc.UnaryHandler) grpc.UnaryHandler {
		handler := around(func(ctx context.Context, req any) (any, error) {
			noteStep(ctx, nil)
			return next(ctx, req)
		})
		return func(ctx context.Context, req any) (any, error) {
			noteStep(ctx, &step)
			return handler(ctx, req)
		}
	}
}

// named is that of [unaryAround] for streams.
func (around streamAround) named(step string) streamAround {
	return func(next grpc.StreamHandler) grpc.StreamHandler {
		handler := around(func(srv any, ss grpc.ServerStream) error {
			noteStep(ss.Context(), nil)
			return next(srv, ss)
		})
		return func(srv any, ss grpc.ServerStream) error {
			noteStep(ss.Context(), &step)
			return handler(srv, ss)
		}
	}
}
