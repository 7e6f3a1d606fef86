package otlp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

var (
	_ server.Companion = (*Exporter)(nil)
	_ metric.Source    = (*Exporter)(nil)
)

// Exporter sends spans to a collector. It is a [server.Companion].
type Exporter struct {
	env   environment
	err   error                    // of the environment, for Start
	limit int                      // of spans in the queue
	sdk   *sdktrace.TracerProvider // nil without an endpoint

	started atomic.Bool
	waiting atomic.Int64 // spans in the queue, or being sent
	counts  counts
	outage  outage
}

// New returns an exporter that the environment configures. Mistakes in it are errors of
// [Exporter.Start].
func New(opts ...Option) *Exporter {
	e := new(Exporter)
	e.env, e.err = readEnvironment(os.Getenv)
	e.limit = e.env.limit
	for _, opt := range opts {
		opt(e)
	}
	if e.env.enabled {
		e.sdk = sdktrace.NewTracerProvider()
	}
	return e
}

// TracerProvider returns the provider whose spans are sent. It records none without an endpoint,
// and sends none before Start.
func (e *Exporter) TracerProvider() trace.TracerProvider {
	if e.sdk == nil {
		return noop.NewTracerProvider()
	}
	return e.sdk
}

// Start starts sending spans, and returns at once: it does not wait for the collector. stop sends
// the spans that are left, and gives up when its context ends, after 5 s at the latest; a server
// leaves it one second. A program without a server may call Start with a nil one. Start returns an
// error if the environment is wrong, or if it is called twice.
func (e *Exporter) Start(context.Context, *server.Server) (stop func(context.Context) error, err error) {
	switch {
	case e.err != nil:
		return nil, fmt.Errorf("otlp: %w", e.err)
	case e.limit < 1:
		return nil, fmt.Errorf("otlp: WithQueue: the number of spans is %d; want at least 1", e.limit)
	case e.started.Swap(true):
		return nil, errors.New("otlp: the exporter was started before; create one for each server")
	case e.sdk == nil:
		return func(context.Context) error { return nil }, nil
	}
	// The client connects when it has spans to send.
	client, err := otlptracegrpc.New(context.Background())
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	s := newSender(e, client)
	q := newQueue(e, s)
	e.sdk.RegisterSpanProcessor(q)
	return func(ctx context.Context) error { e.flush(ctx, q, s); return nil }, nil
}

// flushTimeout bounds a flush whose context has no deadline.
const flushTimeout = 5 * time.Second

// flush sends the spans that are left. A failure is logged and no error: the server itself has
// stopped as it should.
func (e *Exporter) flush(ctx context.Context, q *queue, s *sender) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	lost := e.counts.failed.Load()
	_ = q.Shutdown(ctx) // s has logged its errors
	s.abort()           // what Shutdown did not wait for
	<-s.ended
	_ = e.sdk.Shutdown(context.WithoutCancel(ctx)) // does nothing for the queue, which has ended
	if lost = e.counts.failed.Load() - lost; lost > 0 {
		e.outage.log().Warn("the last spans were not sent", "spans", lost)
	}
}
