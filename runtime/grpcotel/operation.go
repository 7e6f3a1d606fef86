package grpcotel

import (
	"context"
	"strings"
	"sync/atomic"

	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Inject returns the trace context of ctx as text, for Attempt in another process. Operations call
// it when a call starts one: see operation.WithTracing.
func (t *Telemetry) Inject(ctx context.Context) map[string]string {
	defer t.shield()
	carrier := propagation.MapCarrier{}
	t.propagator.Inject(ctx, carrier)
	return carrier
}

// Attempt starts the span of an attempt at an operation, with a link to the call that started it.
// carrier is what Inject returned for that call. The returned function ends the span, once; its
// error is how the attempt failed, or nil. Operations call it: see operation.WithTracing.
func (t *Telemetry) Attempt(
	ctx context.Context, operation, method string, number int, carrier map[string]string,
) (attempt context.Context, end func(error)) {
	attempt, end = ctx, func(error) {}
	defer t.shield()
	parent := t.propagator.Extract(ctx, readableCarrier(carrier))
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(keyOperation.String(text(operation, maxName)), keyAttempt.Int(number)),
	}
	switch starter := trace.SpanContextFromContext(parent); {
	case t.settings.newTraces:
		options = append(options, newTrace(parent)...)
	case starter.IsValid():
		options = append(options, trace.WithLinks(trace.Link{SpanContext: starter}))
	}
	name := spanOperation + text(strings.TrimPrefix(method, "/"), maxName)
	attempt, span := t.tracer.Start(parent, name, options...)
	return attempt, t.endOnce(span)
}

// endOnce returns the function that ends the span of an attempt.
func (t *Telemetry) endOnce(span trace.Span) func(error) {
	var ended atomic.Bool
	return func(err error) {
		if ended.Swap(true) {
			return
		}
		defer t.shield()
		defer span.End()
		if err == nil || !span.IsRecording() {
			return
		}
		kind := other
		if code := status.Code(err); code != codes.Unknown {
			kind = codeName(code)
		}
		span.SetAttributes(keyErrorType.String(kind))
		span.SetStatus(otelcodes.Error, t.attemptError(err))
	}
}

// attemptError returns the text of a failed attempt.
func (t *Telemetry) attemptError(err error) string {
	if t.settings.noCauses {
		return text(status.Code(err).String(), maxName)
	}
	return text(err.Error(), maxCause)
}

// readableCarrier returns the entries of a carrier that a header could have. Stores keep carriers;
// what they return is not trusted.
func readableCarrier(carrier map[string]string) propagation.MapCarrier {
	clean := make(propagation.MapCarrier, len(carrier))
	for key, value := range carrier {
		if value = readable(value); value != "" {
			clean[key] = value
		}
	}
	return clean
}
