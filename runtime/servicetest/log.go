package servicetest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// testLog writes log records to the log of a test while the test runs.
type testLog struct {
	slog.Handler
	out *testWriter
}

func newTestLog(t testing.TB) *testLog {
	out := &testWriter{t: t}
	return &testLog{Handler: slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}), out: out}
}

// mute drops all later records: logging to a test that has ended panics.
func (l *testLog) mute() {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	l.out.t = nil
}

// withoutTime removes the time, which the test's log does not need.
func withoutTime(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 && attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}

// testWriter is shared by all handlers derived from the handler of a testLog.
type testWriter struct {
	mu sync.Mutex
	t  testing.TB // nil once muted
}

func (w *testWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Log(readable(string(bytes.TrimRight(line, "\n"))))
	}
	return len(line), nil
}

// readable unfolds stacks, which the text handler writes on one line.
func readable(line string) string {
	if !strings.Contains(line, "stack=") {
		return line
	}
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(line)
}
