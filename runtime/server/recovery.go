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

// panicked logs a recovered panic with attrs and returns the error of its call: INTERNAL with a
// fixed text, or a *[raised] without recovery. Call it while the panicking frames are still on the
// stack.
func (m *method) panicked(c *callContext, value any, attrs ...slog.Attr) error {
	stack := debug.Stack()
	if p, ok := value.(*each.Panic); ok { // raised again from another goroutine
		value, stack = p.Value, p.Stack
	}
	attrs = append(attrs,
		slog.String(logMethod, m.log.name), slog.String(logRequestID, c.RequestID()))
	report.PanicAt(c, m.logger, value, stack, attrs...)
	m.handlePanic(c, value, stack)
	err := rpcerr.Internal(fmt.Sprintf("panic: %v", value))
	if m.without.recovery {
		return &raised{err, value}
	}
	return err
}

// Recovered implements [callctx.Call].
func (c *callContext) Recovered(value any) error { return c.call.method.panicked(c, value) }

// HandlePanic reports a panic that work outside of calls has recovered and logged, such as an
// attempt at an operation: it calls the [PanicHandler], and with [WithCrashOnPanic] it ends the
// process. stack is that of the panic, as from [debug.Stack]. It is safe for concurrent use.
func (s *Server) HandlePanic(ctx context.Context, value any, stack []byte) {
	if p, ok := value.(*each.Panic); ok { // raised again from another goroutine
		value, stack = p.Value, p.Stack
	}
	s.pipeline.handlePanic(ctx, value, stack)
}

// recoverOutside logs a recovered panic that no call has, with attrs, and reports it. Call it while
// the panicking frames are still on the stack.
func (c *settings) recoverOutside(ctx context.Context, value any, attrs ...slog.Attr) {
	c.handlePanic(ctx, value, report.Panic(ctx, c.logger, value, attrs...))
}

// handlePanic calls the panic handler, and ends the process if a panic must.
func (c *settings) handlePanic(ctx context.Context, value any, stack []byte) {
	if c.onPanic != nil {
		c.callPanicHandler(ctx, value, stack)
	}
	if c.crash {
		die(value, stack)
	}
}

// callPanicHandler recovers panics of the handler.
func (c *settings) callPanicHandler(ctx context.Context, value any, stack []byte) {
	defer func() {
		if again := recover(); again != nil {
			report.Log(func() {
				c.logger.LogAttrs(ctx, slog.LevelError, "panic in the panic handler", slog.Any("panic", again))
			})
		}
	}()
	c.onPanic(ctx, value, stack)
}

// recoverFrom keeps a panic of an observer or the log from changing the result of the call. Defer
// it directly.
func (m *method) recoverFrom(s *shield, c *callContext) {
	value := recover()
	if value == nil {
		return
	}
	if due, skipped := s.panics.Next(); due || m.crash {
		_ = m.panicked(c, value, slog.String("observer", s.name), slog.Int("not_logged", skipped))
	}
}

// raised is the error of a call whose panic is raised again; see [WithRecovery].
type raised struct {
	error
	value any
}

// Unwrap returns the error that observers and the log receive.
func (r *raised) Unwrap() error { return r.error }

// raise panics again if err is a *[raised].
func raise(err error) {
	if r, ok := err.(*raised); ok {
		panic(r.value)
	}
}

// WithCrashOnPanic makes a panic end the process, for services that prefer a restart to continuing
// after a panic. It applies to every panic that the server would otherwise recover: in a method,
// in the iterator of a stream, in a goroutine of [runtime.Go] within a call, passed to
// [runtime.Recovered], in observers, in functions of [Server.Background], in companions, and in the
// work of operations that are registered on the server.
//
// The panic is logged and the [PanicHandler] returns; then the process exits with code 2 and the
// panic on stderr. Nothing is drained: no goroutine is waited for, no deferred function runs, and
// the callers of all running calls receive UNAVAILABLE.
func WithCrashOnPanic() Option {
	return func(c *settings) { c.crash = true }
}

// crash is the panic that ends the process.
type crash struct {
	value any
	stack []byte
}

// Error returns the value and the stack of the recovered panic.
func (c *crash) Error() string {
	return fmt.Sprintf("%v [WithCrashOnPanic]\n\n%s", c.value, c.stack)
}

// die ends the process by a panic in a goroutine where nothing recovers it. It does not return.
func die(value any, stack []byte) {
	go func() { panic(&crash{value, stack}) }()
	select {}
}
