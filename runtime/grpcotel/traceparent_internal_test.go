package grpcotel

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
)

const validTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// checkExtract compares what is read of two headers with what the propagator reads.
func checkExtract(t *testing.T, parents, states []string) {
	t.Helper()
	md := metadata.MD{}
	md.Append(traceparent, parents...)
	md.Append("tracestate", states...)
	ctx := metadata.NewIncomingContext(t.Context(), md)
	want := propagation.TraceContext{}.Extract(ctx, &byCopy{ctx})
	got := New().extract(ctx)
	is, should := trace.SpanContextFromContext(got), trace.SpanContextFromContext(want)
	if !is.Equal(should) {
		t.Errorf("%q, %q: got %v, want %v", parents, states, is, should)
	}
	if trace.SpanFromContext(got).IsRecording() {
		t.Errorf("%q: the span of the caller is recorded here", parents)
	}
}

// byCopy reads headers as the propagator reads them without the shorter way.
type byCopy struct{ ctx context.Context }

func (c *byCopy) Get(key string) string { return (&received{header: incoming.Of(c.ctx)}).Get(key) }
func (*byCopy) Set(string, string)      {}
func (*byCopy) Keys() []string          { return nil }

func TestExtract(t *testing.T) {
	checkExtract(t, nil, nil)
	checkExtract(t, []string{validTraceparent, validTraceparent}, nil)
	for _, header := range []string{
		"", validTraceparent, validTraceparent[:54] + "0", validTraceparent[:54] + "2",
		validTraceparent[:54] + "3", validTraceparent[:53] + "ff", validTraceparent + "-00",
		"01" + validTraceparent[2:], "cc" + validTraceparent[2:] + "-what", "ff" + validTraceparent[2:],
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bx-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
		" " + validTraceparent[1:],
	} {
		for _, state := range [][]string{nil, {""}, {"a=b"}, {"a=b", "c=d"}, {"=,="}} {
			checkExtract(t, []string{header}, state)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(validTraceparent, "")
	f.Add(validTraceparent, "a=b")
	f.Fuzz(func(t *testing.T, parent, state string) {
		var states []string
		if state != "" {
			states = []string{state}
		}
		checkExtract(t, []string{parent}, states)
	})
}

// TestOpenTelemetryKey fails if OpenTelemetry keeps spans in contexts in another way.
func TestOpenTelemetryKey(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(traceparent, validTraceparent))
	if _, ok := New().extract(ctx).(*callerSpan); !ok {
		t.Error("the usual headers are read by the propagator")
	}
}
