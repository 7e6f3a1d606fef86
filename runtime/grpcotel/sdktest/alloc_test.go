//go:build !race

package sdktest

import (
	"context"
	"net"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// freeSDK makes spans without allocating: what is left is what grpcotel itself allocates.
type freeSDK struct {
	noop.TracerProvider
	recording bool
}

func (s freeSDK) Tracer(string, ...trace.TracerOption) trace.Tracer {
	span := &freeSpan{recording: s.recording}
	return freeTracer{ctx: trace.ContextWithSpan(context.Background(), span), span: span}
}

type freeTracer struct {
	noop.Tracer
	ctx  context.Context
	span *freeSpan
}

func (t freeTracer) Start(
	context.Context, string, ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	return t.ctx, t.span
}

type freeSpan struct {
	noop.Span
	recording bool
}

func (s *freeSpan) IsRecording() bool { return s.recording }

// sdk returns a provider with the SDK's batch processor, as programs use it.
func sdk(t *testing.T, sampler sdktrace.Sampler) trace.TracerProvider {
	p := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sampler)), sdktrace.WithBatcher(discarding{}))
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// TestCallAllocations counts what an observer adds to a call: its own part, with an SDK that
// allocates nothing, and all of it with the SDK for Go.
func TestCallAllocations(t *testing.T) {
	never, always := sdk(t, sdktrace.NeverSample()), sdk(t, sdktrace.AlwaysSample())
	plain := metadata.NewIncomingContext(context.Background(), metadata.MD{})
	for _, test := range []struct {
		name     string
		provider trace.TracerProvider
		ctx      context.Context
		client   bool
		want     float64
	}{
		{"server, own, unsampled, no caller", freeSDK{}, plain, false, 0},
		{"server, own, unsampled", freeSDK{}, incoming(false), false, 1},
		{"server, own, sampled", freeSDK{recording: true}, incoming(true), false, 3},
		{"server, unsampled, no caller", never, plain, false, 3},
		{"server, unsampled", never, incoming(false), false, 4},
		{"server, sampled", always, incoming(true), false, 9},
		{"client, own, unsampled", freeSDK{}, plain, true, 0},
		{"client, own, sampled", freeSDK{recording: true}, plain, true, 1},
		{"client, unsampled", never, plain, true, 9},
		{"client, sampled", always, plain, true, 13},
	} {
		telemetry := grpcotel.New(grpcotel.WithTracerProvider(test.provider), grpcotel.WithMeterProvider(
			sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
		observer := telemetry.Server()
		if test.client {
			observer = telemetry.Client()
		}
		m := observer.Bind(echotest.Table.Method("One"))
		var call runtime.Call = &finished{peer: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4711}}
		got := alloctest.Least(func() {
			m.End(m.Begin(test.ctx, call), call, runtime.Outcome{Duration: time.Millisecond})
		})
		if got != test.want {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.want)
		}
	}
}
