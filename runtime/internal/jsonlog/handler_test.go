package jsonlog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
)

// stage changes a handler as a user may.
type stage func(slog.Handler) slog.Handler

var stages = []stage{
	func(h slog.Handler) slog.Handler { return h },
	func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
	func(h slog.Handler) slog.Handler { return h.WithGroup("") },
	func(h slog.Handler) slog.Handler { return h.WithAttrs(nil) },
	func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("a\"b", "c\\d\n"), slog.Int("n", -1)})
	},
	func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{
			slog.Group("in", slog.Any("err", fmt.Errorf("é<>&")), slog.Time("t", time.Unix(1, 2))),
		})
	},
	func(h slog.Handler) slog.Handler { return h.WithGroup("g\"").WithGroup("i") },
}

var (
	optionSets = []*slog.HandlerOptions{nil, {}, {AddSource: true}, {Level: slog.LevelDebug}}
	levels     = []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 1, -7, 100}
	zones      = []*time.Location{
		time.UTC, time.Local, time.FixedZone("x", 3*3600+1800), time.FixedZone("y", -11*3600),
	}
	texts = []string{
		"", "OK", "10.0.0.7:4711", "a b", "[::1]:80", "~", "<&>", `"`, `\`, "é", "\x00", "\x7f",
		"\u2028", "\xff",
	}
)

// TestLinesAreThoseOfSlog compares records with those of slog's handler, byte for byte.
func TestLinesAreThoseOfSlog(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fast := 0
	for range 5000 {
		opts := optionSets[r.IntN(len(optionSets))]
		var want, got bytes.Buffer
		var theirs, ours slog.Handler = slog.NewJSONHandler(&want, opts), jsonlog.New(&got, opts)
		for range r.IntN(4) {
			change := stages[r.IntN(len(stages))]
			theirs, ours = change(theirs), change(ours)
		}
		msg := texts[r.IntN(len(texts))]
		lines := jsonlog.LinesOf(ours, msg)
		if lines == nil {
			t.Fatalf("no lines of the message %q", msg)
		}
		at := time.Unix(r.Int64N(4e9), r.Int64N(1e9)*r.Int64N(2)).In(zones[r.IntN(len(zones))])
		level := levels[r.IntN(len(levels))]
		attrs := []slog.Attr{
			slog.String("code", texts[r.IntN(len(texts))]),
			slog.Duration("duration", time.Duration(r.Int64()-r.Int64())),
		}
		if r.IntN(2) == 0 {
			attrs = append(attrs, slog.String("principal", texts[r.IntN(7)]))
		}
		record := slog.NewRecord(at, level, msg, 0)
		record.AddAttrs(attrs...)
		if err := theirs.Handle(context.Background(), record); err != nil {
			t.Fatal(err)
		}
		if lines.Write(context.Background(), at, level, attrs) {
			fast++
		} else if got.Len() > 0 {
			t.Fatalf("a record that was rejected was written: %s", &got)
		} else if err := ours.Handle(context.Background(), record); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Fatalf("got  %swant %s", &got, &want)
		}
	}
	if fast < 2000 {
		t.Errorf("only %d of 5000 records were written by Lines", fast)
	}
}

// TestOnlySlogCanWrite has handlers and records that are left to slog.
func TestOnlySlogCanWrite(t *testing.T) {
	var out bytes.Buffer
	replacing := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}
	for name, h := range map[string]slog.Handler{
		"slog's": slog.NewJSONHandler(&out, nil), "ReplaceAttr": jsonlog.New(&out, replacing),
	} {
		if jsonlog.LinesOf(h, "rpc") != nil {
			t.Errorf("%s: lines", name)
		}
	}
	lines := jsonlog.LinesOf(jsonlog.New(&out, nil), "rpc")
	for name, write := range map[string]func() bool{
		"year": func() bool {
			return lines.Write(context.Background(), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), 0, []slog.Attr{slog.String("a", "b")})
		},
		"none": func() bool { return lines.Write(context.Background(), time.Now(), 0, nil) },
		"kind": func() bool {
			return lines.Write(context.Background(), time.Now(), 0, []slog.Attr{slog.Any("a", []int{1})})
		},
	} {
		if write() || out.Len() > 0 {
			t.Errorf("%s: written: %s", name, &out)
		}
	}
}

// TestRecordsAreNotMixed writes by both ways at once.
func TestRecordsAreNotMixed(t *testing.T) {
	var out bytes.Buffer
	h := jsonlog.New(&out, nil)
	lines := jsonlog.LinesOf(h, "rpc")
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for range 200 {
				lines.Write(context.Background(), time.Now(), slog.LevelInfo, []slog.Attr{slog.String("code", "OK")})
				slog.New(h).Info("rpc", "code", "OK")
			}
		})
	}
	done.Wait()
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, `{"time":"`) || !strings.HasSuffix(line, `"level":"INFO","msg":"rpc","code":"OK"}`+"\n") {
			t.Fatalf("a line is %q", line)
		}
	}
}
