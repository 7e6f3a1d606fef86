//go:build !race

package jsonlog_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
)

func TestLinesAllocateNothing(t *testing.T) {
	lines := jsonlog.LinesOf(jsonlog.New(io.Discard, nil), "rpc")
	now := time.Now()
	attrs := []slog.Attr{slog.String("code", "OK"), slog.Duration("duration", time.Second)}
	if n := testing.AllocsPerRun(1000, func() { lines.Write(context.Background(), now, slog.LevelInfo, attrs) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLines(b *testing.B) {
	attrs := []slog.Attr{slog.String("code", "OK"), slog.Duration("duration", time.Second),
		slog.String("request_id", "0123456789abcdef0123456789abcdef"), slog.String("peer", "10.0.0.7:4711")}
	lines := jsonlog.LinesOf(jsonlog.New(io.Discard, nil), "rpc")
	now := time.Now()
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			lines.Write(context.Background(), now, slog.LevelInfo, attrs)
		}
	})
	h := slog.NewJSONHandler(io.Discard, nil)
	b.Run("slog", func(b *testing.B) {
		for b.Loop() {
			r := slog.NewRecord(now, slog.LevelInfo, "rpc", 0)
			r.AddAttrs(attrs...)
			_ = h.Handle(b.Context(), r)
		}
	})
}
