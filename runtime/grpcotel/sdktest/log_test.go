package sdktest

import (
	"context"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestLogOfCalls holds that the record of the access log, and those that a method writes with the
// logger of its call, have the IDs of the server's span.
func TestLogOfCalls(t *testing.T) {
	r, log := newRig(t), new(echotest.Records)
	handler := grpcotel.LogHandler(log.Logger(slog.LevelDebug).Handler())
	c := r.serve(t, echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		call.Logger().InfoContext(ctx, "inside")
		return nil
	}), server.WithLogger(slog.New(handler)))
	for i, err := range callAll(echotest.Context(t), c) {
		if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	want := map[string]bool{}
	for _, s := range r.ended(t, trace.SpanKindServer, 4) {
		want[s.SpanContext().TraceID().String()+s.SpanContext().SpanID().String()] = true
	}
	for _, name := range []string{"rpc", "inside"} {
		got := map[string]bool{}
		for _, record := range log.Named(t, name) {
			traceID, _ := record["trace_id"].(string)
			spanID, _ := record["span_id"].(string)
			if got[traceID+spanID] = true; !want[traceID+spanID] {
				t.Errorf("the record %v has the IDs of no server span", record)
			}
		}
		if len(got) != 4 {
			t.Errorf("%d records %q have IDs, want 4", len(got), name)
		}
	}
}
