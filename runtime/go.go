package runtime

import (
	"context"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Go starts fn in a goroutine that belongs to the call of ctx. The call finishes, and its response
// is sent, when the method and all its goroutines have returned.
//
// If fn returns an error, the contexts of the other goroutines are canceled, and the call fails
// with it unless the method itself failed. If fn panics, the panic is logged and the call fails
// with INTERNAL.
//
// If the method fails, the context of fn is canceled. A method that takes a stream of requests then
// does not wait for goroutines that are reading requests: only the end of the call interrupts them.
//
// Outside a call, and after the call has finished, fn runs recovered and its error or panic is
// written to the default logger.
func Go(ctx context.Context, fn func(ctx context.Context) error) {
	if c, ok := callctx.Of(ctx); !ok || !c.Go(ctx, fn) {
		go runDetached(ctx, fn)
	}
}

// errGoroutineEnded is the error of a goroutine that calls runtime.Goexit, as FailNow of a test
// does.
var errGoroutineEnded = rpcerr.Internal(callctx.GoroutineEnded)

// runDetached runs fn outside a call.
func runDetached(ctx context.Context, fn func(ctx context.Context) error) {
	err := errGoroutineEnded // unless fn returns, or panics
	defer func() {
		if err != nil {
			report.Log(func() { slog.ErrorContext(ctx, "goroutine failed", "error", err) })
		}
	}()
	defer func() {
		if value := recover(); value != nil {
			report.Panic(ctx, slog.Default(), value)
			err = nil
		}
	}()
	err = fn(ctx)
}
