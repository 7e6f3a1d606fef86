package operation

import (
	"context"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// recovered logs a recovered panic, with attrs, and reports it to the panic handler of the server.
// Call it while the panicking frames are still on the stack.
func (c *config) recovered(ctx context.Context, log *slog.Logger, value any, attrs ...slog.Attr) {
	c.handlePanic(ctx, value, report.Panic(ctx, log, value, attrs...))
}

// handlePanic reports a panic that is logged to the panic handler of the server.
func (c *config) handlePanic(ctx context.Context, value any, stack []byte) {
	if c.onPanic != nil {
		c.onPanic(ctx, value, stack)
	}
}

// panicked reports a panic of the store, whose log has the error that became of it.
func (m *Manager) panicked(value any, stack []byte) {
	m.config.handlePanic(context.Background(), value, stack)
}
