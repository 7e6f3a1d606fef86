package redislimit

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// records is a log that tests read.
type records struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *records) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// lines returns the records of a level.
func (r *records) lines(level slog.Level) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(r.buf.String()) {
		if strings.Contains(line, "level="+level.String()) {
			lines = append(lines, line)
		}
	}
	return lines
}

// newLimiter returns a limiter with a log that fails the test if it has an unexpected record.
func newLimiter(t testing.TB, client redis.Scripter, opts ...Option) (*Limiter, *records) {
	t.Helper()
	log := new(records)
	l, err := New(client, append([]Option{WithLogger(log.logger())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l, log
}

// bind binds rates of the method test.v1.S/name.
func bind(l *Limiter, name string, rates ...runtime.Rate) *methodRates {
	info := runtime.NewMethodInfo("test.v1.S", name, runtime.KindUnary, runtime.Policy{Rates: rates})
	return l.Bind(info, rates).(*methodRates)
}

// take takes a call, and reports whether it is allowed.
func take(t testing.TB, r server.MethodRates, caller string) bool {
	_, wait, err := r.Take(context.Background(), caller)
	if err != nil {
		t.Errorf("Take(%q): %v", caller, err)
	}
	return err == nil && wait == 0
}

// allowed takes n calls, and returns how many are allowed.
func allowed(t testing.TB, r server.MethodRates, caller string, n int) (count int) {
	for range n {
		if take(t, r, caller) {
			count++
		}
	}
	return count
}

const (
	slow = 1.0 / 3600
	// generous is a timeout for tests that are not about timeouts, on a busy machine.
	generous = 5 * time.Second
)
