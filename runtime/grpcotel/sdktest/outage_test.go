package sdktest

import (
	"context"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// hanging is an exporter that does not return until the test ends.
type hanging struct {
	discarding
	until   chan struct{}
	reached chan struct{}
}

func (h hanging) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	select {
	case h.reached <- struct{}{}:
	default:
	}
	<-h.until
	return nil
}

// TestExporterThatHangs makes many more calls than the queue of the SDK has places while nothing
// takes spans out of it. No call waits: each would for longer than its deadline.
func TestExporterThatHangs(t *testing.T) {
	h := hanging{until: make(chan struct{}), reached: make(chan struct{}, 1)}
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(h, sdktrace.WithMaxQueueSize(8),
		sdktrace.WithMaxExportBatchSize(4), sdktrace.WithBatchTimeout(time.Millisecond),
		sdktrace.WithExportTimeout(time.Hour)))
	r := &rig{Telemetry: grpcotel.New(grpcotel.WithTracerProvider(traces))}
	c := r.serve(t, ok())
	call := func() {
		if _, err := c.One(echotest.Context(t), echotest.TenBytes); err != nil {
			t.Fatal(err)
		}
	}
	call()
	echotest.Within(t, h.reached)
	for range 500 {
		call()
	}
	close(h.until)
	if err := traces.Shutdown(echotest.Context(t)); err != nil {
		t.Error(err)
	}
}
