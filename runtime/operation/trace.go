package operation

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
)

// Tracer traces attempts at operations. Package grpcotel implements it. Its methods may be called
// concurrently; one that panics is logged, and the work continues.
type Tracer interface {
	// Inject returns the trace of the call that starts an operation as text, with which each attempt
	// refers to it, in whichever process it runs. ctx is the context of the call.
	Inject(ctx context.Context) map[string]string
	// Attempt is called before the work of an attempt starts. The work, and the log of the attempt,
	// continue with the context that it returns, which must be ctx or derived from it.
	//
	// operation is the name of the operation, method the path of the RPC that started it. number
	// counts the attempts from 1; carrier is what Inject returned, with the headers traceparent and
	// tracestate of the call if Inject returned no others. If the operation was started in this
	// process a short time ago, ctx has the values of the call, its span too, at the first attempt.
	//
	// end is called once, when the result of the attempt has been stored, with the error that the
	// attempt failed with, or nil. The error of an attempt that is retried is that of its work, and
	// [ErrStopping], [ErrCancelled] or [ErrLeaseLost] if that was the cause.
	Attempt(
		ctx context.Context, operation, method string, number int, carrier map[string]string,
	) (attempt context.Context, end func(error))
}

// WithTracing traces the attempts at operations. [Register] finds the tracer of a server by itself.
// There is no span for an operation that ends before
// its work starts: it was cancelled, or has no attempt left.
func WithTracing(tracer Tracer) Option {
	return func(c *config) {
		if v := reflect.ValueOf(tracer); tracer == nil || v.Kind() == reflect.Pointer && v.IsNil() {
			c.fail("operation.WithTracing(nil): pass a tracer")
			return
		}
		c.tracer = tracer
	}
}

// injectTrace adds the trace of the call of ctx to a carrier.
func (c *config) injectTrace(ctx context.Context, carrier map[string]string) {
	if c.tracer == nil {
		return
	}
	defer c.shield(ctx)
	maps.Copy(carrier, c.tracer.Inject(ctx))
}

// trace starts the trace of the attempt, and returns the context of its work.
func (a *attempt) trace(ctx context.Context) (traced context.Context) {
	op := a.op
	if a.config.tracer == nil || !op.CancelTime.IsZero() || op.Attempt > op.MaxAttempts {
		return ctx
	}
	traced = ctx
	defer a.config.shield(ctx, slog.String(logOperation, op.Name))
	made, end := a.config.tracer.Attempt(ctx, op.Name, op.Method, op.Attempt, maps.Clone(op.Carrier))
	if a.traceEnd = end; made != nil {
		traced = made
	}
	return traced
}

// endTrace ends the trace of the attempt with its error.
func (a *attempt) endTrace() {
	if a.traceEnd == nil {
		return
	}
	defer a.config.shield(a.ctx, slog.String(logOperation, a.op.Name))
	a.traceEnd(a.err)
}

// shield logs the panic of a tracer. Defer it directly.
func (c *config) shield(ctx context.Context, attrs ...slog.Attr) {
	if value := recover(); value != nil {
		c.recovered(ctx, c.logger, value, attrs...)
	}
}
