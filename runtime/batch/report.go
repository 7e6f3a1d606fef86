package batch

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// report logs what the items of children do not say: why the service failed itself, of the first such child.
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
		loggerOf(ctx).LogAttrs(ctx, slog.LevelError, "children of a batch failed", slog.Int("children", failed),
			slog.String("first", r.plan.at(r.outcomes.first(first))), slog.Any("error", r.outcomes.errs[first]))
	}
}

// isInternal says whether an error's text is only for the log.
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
