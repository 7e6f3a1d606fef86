package report

import (
	"context"
	"log/slog"
)

// InContext returns a logger for the records of a call. Records that are logged without a context,
// as by [slog.Logger.Info], have ctx, so that a handler finds the trace of the call there. Others,
// as of [slog.Logger.InfoContext], keep their own context, which may have another span.
func InContext(ctx context.Context, logger *slog.Logger) *slog.Logger {
	return slog.New(contextHandler{logger.Handler(), ctx})
}

// contextHandler is a handler with a default context.
type contextHandler struct {
	slog.Handler
	ctx context.Context
}

// or returns ctx, or the handler's context if ctx is the one that slog has without a context.
func (h contextHandler) or(ctx context.Context) context.Context {
	if ctx == nil || ctx == context.Background() {
		return h.ctx
	}
	return ctx
}

// Enabled implements [slog.Handler].
func (h contextHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(h.or(ctx), level)
}

// Handle implements [slog.Handler].
func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	return h.Handler.Handle(h.or(ctx), record)
}

// WithAttrs implements [slog.Handler].
func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs), h.ctx}
}

// WithGroup implements [slog.Handler].
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name), h.ctx}
}
