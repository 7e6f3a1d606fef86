package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// panicked logs a recovered panic and returns the error of its call: INTERNAL with a fixed text, or a
// *[raised] without recovery. It must run while the panicking frames are still on the stack.
func (m *method) panicked(c *callContext, value any) error {
	stack := debug.Stack()
	if p, ok := value.(*each.Panic); ok { // it was in another goroutine
		value, stack = p.Value, p.Stack
	}
	m.logPanic(c, value, stack)
	if m.onPanic != nil {
		m.reportPanic(c, value, stack)
	}
	if m.crash {
		die(value, stack)
	}
	err := rpcerr.Internal(fmt.Sprintf("panic: %v", value))
	if m.without.recovery {
		return &raised{err, value}
	}
	return err
}

// logPanic logs a panic.
func (m *method) logPanic(c *callContext, value any, stack []byte) {
	report.PanicAt(c, m.logger, value, stack,
		slog.String(logMethod, m.log.name), slog.String(logRequestID, c.RequestID()))
}

// shield keeps a panic of those who only watch calls from changing what the caller gets; it must be deferred itself.
func (m *method) shield(c *callContext) {
	if value := recover(); value != nil {
		_ = m.panicked(c, value)
	}
}

// reportPanic shields the call from a handler that panics itself.
func (m *method) reportPanic(ctx context.Context, value any, stack []byte) {
	defer func() {
		if again := recover(); again != nil {
			report.Log(func() {
				m.logger.LogAttrs(ctx, slog.LevelError, "panic in the panic handler", slog.Any("panic", again))
			})
		}
	}()
	m.onPanic(ctx, value, stack)
}

// WithCrashOnPanic makes a panic end the process, for services that prefer a restart to continuing
// after a panic. It applies to every panic that the server would otherwise recover: in a method,
// in the iterator of a stream, in a goroutine of [runtime.Go] within a call, passed to
// [runtime.Recovered], in observers, and in functions of [Server.Background].
//
// The panic is logged and the [PanicHandler] returns; then the process exits with code 2 and the
// panic on stderr. Nothing is drained: no goroutine is waited for, no deferred function runs, and
// the callers of all open calls receive UNAVAILABLE.
func WithCrashOnPanic() Option {
	return func(c *settings) { c.crash = true }
}

// crash is what the process ends with.
type crash struct {
	value any
	stack []byte
}

// Error returns the panic with the stack that it had.
func (c *crash) Error() string {
	return fmt.Sprintf("%v [WithCrashOnPanic]\n\n%s", c.value, c.stack)
}

// die ends the process by a panic in a goroutine where nothing recovers it. It does not return.
func die(value any, stack []byte) {
	go func() { panic(&crash{value, stack}) }()
	select {}
}

// Recovered implements [callctx.Call].
func (c *callContext) Recovered(value any) error { return c.call.method.panicked(c, value) }

// raised is the error of a method that panicked, where the panic goes on.
type raised struct {
	error
	value any
}

// Unwrap returns what the panic is for those who watch the call.
func (r *raised) Unwrap() error { return r.error }

// raise lets a panic go on that a call has ended with.
func raise(err error) {
	if r, ok := err.(*raised); ok {
		panic(r.value)
	}
}
