package otlp

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// sender sends batches of spans, and counts them. Its methods return no errors, because the SDK
// would pass these to a handler that the whole process shares.
type sender struct {
	e       *Exporter
	next    sdktrace.SpanExporter
	aborted context.Context
	abort   context.CancelFunc // ends all sending
	ended   chan struct{}      // closed by Shutdown
}

func newSender(e *Exporter, next sdktrace.SpanExporter) *sender {
	s := &sender{e: e, next: next, ended: make(chan struct{})}
	s.aborted, s.abort = context.WithCancel(context.Background())
	return s
}

// ExportSpans sends a batch. The SDK calls it for one batch at a time.
func (s *sender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.aborted, cancel)()
	n := int64(len(spans))
	err := s.aborted.Err()
	if err == nil {
		err = s.next.ExportSpans(ctx, spans)
	}
	s.e.waiting.Add(-n)
	if err != nil {
		s.e.counts.failed.Add(n)
		s.e.outage.failed(n, err)
		return nil
	}
	s.e.counts.sent.Add(n)
	s.e.outage.sent()
	return nil
}

// Shutdown closes the connection. The SDK calls it after the last batch.
func (s *sender) Shutdown(ctx context.Context) error {
	defer close(s.ended)
	_ = s.next.Shutdown(ctx) // everything was sent or given up before
	return nil
}
