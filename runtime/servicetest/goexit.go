package servicetest

import (
	"context"
	"errors"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	iteration "github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// errGoexit is the error of a method that ends its goroutine, as a test's FailNow does.
var errGoexit = rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
	WithCause(errors.New("the method ended its goroutine, as a test's FailNow does; return an error instead"))

// apart returns the options that run each method in a separate goroutine, so that its call fails
// at once if the method ends that goroutine. In grpc's goroutine nothing would respond before the
// deadline.
func apart() []server.Option {
	unary := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
		err = runApart(func() (err error) {
			resp, err = handler(ctx, req)
			return err
		})
		return resp, err
	}
	streaming := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return runApart(func() error { return handler(srv, ss) })
	}
	return []server.Option{server.WithUnaryInterceptors(unary), server.WithStreamInterceptors(streaming)}
}

// runApart runs fn in a goroutine and waits for it. It raises fn's panic again.
func runApart(fn func() error) error {
	err := error(errGoexit) // unless fn returns, or panics
	var panicked *iteration.Panic
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				panicked = asPanic(value)
			}
		}()
		err = fn()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// asPanic returns a recovered value with the stack of its panic.
func asPanic(value any) *iteration.Panic {
	if p, ok := value.(*iteration.Panic); ok { // it was in yet another goroutine
		return p
	}
	return &iteration.Panic{Value: value, Stack: debug.Stack()}
}
