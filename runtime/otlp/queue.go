package otlp

import (
	"context"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// queue drops spans beyond the limit. The SDK's own queue does so too, but does not report it.
type queue struct {
	e    *Exporter
	next sdktrace.SpanProcessor
}

func newQueue(e *Exporter, s *sender) *queue {
	return &queue{e, sdktrace.NewBatchSpanProcessor(s,
		sdktrace.WithMaxQueueSize(e.limit),
		sdktrace.WithMaxExportBatchSize(min(e.limit, sdktrace.DefaultMaxExportBatchSize)))}
}

// OnStart implements [sdktrace.SpanProcessor].
func (*queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd adds a span to the queue. It never waits.
func (q *queue) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if q.e.waiting.Add(1) > int64(q.e.limit) {
		q.e.waiting.Add(-1)
		q.e.counts.dropped.Add(1)
		q.e.outage.full(time.Now(), q.e.limit)
		return
	}
	q.next.OnEnd(span)
}

// Shutdown implements [sdktrace.SpanProcessor].
func (q *queue) Shutdown(ctx context.Context) error { return q.next.Shutdown(ctx) }

// ForceFlush implements [sdktrace.SpanProcessor].
func (q *queue) ForceFlush(ctx context.Context) error { return q.next.ForceFlush(ctx) }
