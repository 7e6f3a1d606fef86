package grpcotel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
)

// jsonLogger returns a logger that writes JSON without time and level, and what it writes.
func jsonLogger() (*slog.Logger, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return slog.New(grpcotel.LogHandler(slog.NewJSONHandler(out, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	}))), out
}

func spanContext(flags trace.TraceFlags) context.Context {
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}, TraceFlags: flags,
	}))
}

const logIDs = `"trace_id":"00000000000000000000000000000001","span_id":"0000000000000002"`

func TestLogHandlerAddsIDs(t *testing.T) {
	ctx := spanContext(0)
	for name, test := range map[string]struct {
		log  func(*slog.Logger)
		want string
	}{
		"plain":        {func(l *slog.Logger) { l.InfoContext(ctx, "m", "a", 1) }, `{"msg":"m","a":1,IDS}`},
		"without span": {func(l *slog.Logger) { l.Info("m", "a", 1) }, `{"msg":"m","a":1}`},
		"attributes":   {func(l *slog.Logger) { l.With("b", 2).InfoContext(ctx, "m", "a", 1) }, `{"msg":"m","b":2,"a":1,IDS}`},
		"group": {func(l *slog.Logger) {
			l.With("b", 2).WithGroup("g").With("c", 3).WithGroup("h").InfoContext(ctx, "m", "a", 1)
		}, `{"msg":"m","b":2,"g":{"c":3,"h":{"a":1}},IDS}`},
		"group without span": {func(l *slog.Logger) {
			l.With("b", 2).WithGroup("g").With("c", 3).Info("m", "a", 1)
		}, `{"msg":"m","b":2,"g":{"c":3,"a":1}}`},
		"empty group":     {func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m") }, `{"msg":"m",IDS}`},
		"nothing to add":  {func(l *slog.Logger) { l.With().WithGroup("").InfoContext(ctx, "m") }, `{"msg":"m",IDS}`},
		"wrapped context": {func(l *slog.Logger) { l.InfoContext(context.WithoutCancel(ctx), "m") }, `{"msg":"m",IDS}`},
	} {
		logger, out := jsonLogger()
		test.log(logger)
		want := strings.ReplaceAll(test.want, "IDS", logIDs)
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestLogHandlersAreIndependent holds that loggers made from one do not share attributes.
func TestLogHandlersAreIndependent(t *testing.T) {
	logger, out := jsonLogger()
	base := logger.WithGroup("g").With("a", 1)
	first, second := base.With("b", 2), base.With("c", 3)
	first.InfoContext(spanContext(0), "m")
	second.InfoContext(spanContext(0), "m")
	want := `{"msg":"m","g":{"a":1,"b":2},` + logIDs + "}\n" + `{"msg":"m","g":{"a":1,"c":3},` + logIDs + "}\n"
	if out.String() != want {
		t.Errorf("%s, want %s", out, want)
	}
}

// inSpan logs all records in a span.
type inSpan struct{ slog.Handler }

func (h inSpan) Handle(_ context.Context, r slog.Record) error {
	return h.Handler.Handle(spanContext(0), r)
}
func (h inSpan) WithAttrs(attrs []slog.Attr) slog.Handler { return inSpan{h.Handler.WithAttrs(attrs)} }
func (h inSpan) WithGroup(name string) slog.Handler       { return inSpan{h.Handler.WithGroup(name)} }

func TestLogHandlerIsAHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return inSpan{grpcotel.LogHandler(slog.NewJSONHandler(&out, nil))}
	}, func(t *testing.T) map[string]any {
		record := map[string]any{}
		if err := json.Unmarshal(out.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		if record["trace_id"] == nil || record["span_id"] == nil {
			t.Errorf("no IDs in %s", out.String())
		}
		return record
	})
}

func TestExemplarLabels(t *testing.T) {
	if got := grpcotel.ExemplarLabels(spanContext(0)); got != nil {
		t.Errorf("a span that is not sampled has the labels %q", got)
	}
	got := grpcotel.ExemplarLabels(spanContext(trace.FlagsSampled))
	if len(got) != 2 || got["trace_id"] != "00000000000000000000000000000001" || got["span_id"] != "0000000000000002" {
		t.Errorf("the labels are %q", got)
	}
}

// TestLogHandlerKeepsTheAccessLogCheap compares the lines of the access log with those of slog.
func TestLogHandlerKeepsTheAccessLogCheap(t *testing.T) {
	attrs := append(make([]slog.Attr, 0, 4), slog.String("code", "OK"), slog.Duration("duration", 7))
	at := time.Unix(1, 2)
	for name, ctx := range map[string]context.Context{"span": spanContext(1), "no span": context.Background()} {
		var want, got bytes.Buffer
		with := []slog.Attr{slog.String("method", "a.B/C")}
		theirs := grpcotel.LogHandler(slog.NewJSONHandler(&want, nil)).WithAttrs(with)
		ours := grpcotel.LogHandler(jsonlog.New(&got, nil)).WithAttrs(with)
		record := slog.NewRecord(at, slog.LevelInfo, "rpc", 0)
		record.AddAttrs(attrs...)
		if err := theirs.Handle(ctx, record); err != nil {
			t.Fatal(err)
		}
		lines := jsonlog.LinesOf(ours, "rpc")
		if lines == nil || !lines.Write(ctx, at, slog.LevelInfo, attrs) || got.String() != want.String() {
			t.Errorf("%s: got %s, want %s", name, &got, &want)
		}
		if jsonlog.LinesOf(ours.WithGroup("g"), "rpc") != nil {
			t.Errorf("%s: lines of a group, which span IDs are not part of", name)
		}
	}
}
