package runtime

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Go starts fn in a goroutine that belongs to the call of ctx: the call ends, and its answer goes out, when the method and
// all its goroutines have returned. An error of fn cancels the context of the others and fails a call whose method did not
// fail itself; a panic in fn is logged and fails the call with INTERNAL. When the method fails, the context that fn gets is
// cancelled, and a method that takes a stream of requests is answered for at once: a goroutine that reads them is interrupted
// by nothing but the end of the call.
//
// Outside a call, and after its end, there is nobody to wait or to be told: fn runs recovered, and its error or panic goes to the default
// logger.
func Go(ctx context.Context, fn func(ctx context.Context) error) {
	if c, ok := callctx.Of(ctx); !ok || !c.Go(ctx, fn) {
		go runDetached(ctx, fn)
	}
}

// errGoroutineEnded is how a goroutine fails that ends itself, as FailNow of a test does.
var errGoroutineEnded = rpcerr.Internal(callctx.GoroutineEnded)

// runDetached runs fn for nobody.
func runDetached(ctx context.Context, fn func(ctx context.Context) error) {
	err := errGoroutineEnded // unless fn returns, or panics
	defer func() {
		if err != nil {
			report.Log(func() { slog.ErrorContext(ctx, "goroutine failed", "error", err) })
		}
	}()
	defer func() {
		if value := recover(); value != nil {
			stack := string(debug.Stack())
			report.Log(func() { slog.ErrorContext(ctx, "panic", "panic", value, "stack", stack) })
			err = nil
		}
	}()
	err = fn(ctx)
}
