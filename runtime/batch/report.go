package batch

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// report logs internal failures, which the statuses of items do not show: their number and the
// first error.
func (r *request[Resp, C, R]) report(ctx context.Context) {
	if r.plan.shape.mode() != eachAlone {
		return
	}
	failed, first := 0, 0
	for i, err := range r.outcomes.errs {
		if err != nil && isInternal(err) {
			if failed == 0 {
				first = i
			}
			failed++
		}
	}
	if failed > 0 {
		loggerOf(ctx).LogAttrs(ctx, slog.LevelError, "items of a batch failed", slog.Int("items", failed),
			slog.String("first", r.plan.at(r.outcomes.first(first))), slog.Any("error", r.outcomes.errs[first]))
	}
}

// isInternal reports whether an error's text is only for the log.
func isInternal(err error) bool {
	switch rpcerr.PublicStatus(err).Code() {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return true
	}
	return false
}

func loggerOf(ctx context.Context) *slog.Logger {
	if call, ok := runtime.CallFromContext(ctx); ok {
		return call.Logger()
	}
	return slog.Default()
}
