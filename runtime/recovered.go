package runtime

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Recovered reports a panic that you have recovered so that the call can continue: it logs the
// panic and calls the server's panic handler, as the runtime does for a panic of the method. It
// returns INTERNAL with a fixed text. Call it in the deferred function that recovers, while the
// stack is still that of the panic:
//
//	defer func() {
//		if value := recover(); value != nil {
//			err = runtime.Recovered(ctx, value)
//		}
//	}()
//
// Outside a call, the panic is written to the default logger.
func Recovered(ctx context.Context, value any) error {
	if c, ok := callctx.Of(ctx); ok {
		return c.Recovered(value)
	}
	report.Panic(ctx, slog.Default(), value)
	return rpcerr.Internal(fmt.Sprintf("panic: %v", value))
}
