// Package report writes log records that several packages write alike.
package report

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc/codes"
)

// Log calls log where nothing else recovers. A panic in the log itself has no other place to go.
func Log(log func()) {
	defer func() { _ = recover() }()
	log()
}

// Panic logs a recovered panic with its stack, after attrs, and returns the stack. Call it in the
// deferred function that recovers, while the panicking frames are still on the stack.
func Panic(ctx context.Context, logger *slog.Logger, value any, attrs ...slog.Attr) (stack []byte) {
	stack = debug.Stack()
	PanicAt(ctx, logger, value, stack, attrs...)
	return stack
}

// PanicAt is Panic for a panic of another goroutine, whose stack the caller has.
func PanicAt(ctx context.Context, logger *slog.Logger, value any, stack []byte, attrs ...slog.Attr) {
	Log(func() {
		attrs = append(attrs, slog.Any("panic", value), slog.String("stack", string(stack)))
		logger.LogAttrs(ctx, slog.LevelError, "panic", attrs...)
	})
}

// Level returns the level of the record of a call or an operation that ended with a code: faults of
// the service are errors, overload is a warning, and mistakes of callers are information.
func Level(code codes.Code) slog.Level {
	switch code {
	case codes.Unknown, codes.Internal, codes.DataLoss:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.Unavailable, codes.Aborted, codes.ResourceExhausted:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
