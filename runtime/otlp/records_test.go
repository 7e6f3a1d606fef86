package otlp_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// records is a log in memory.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, nil))
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// count returns in how many places the log has a text.
func (r *records) count(text string) int {
	return strings.Count(strings.ReplaceAll(r.String(), `"`, ""), text)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// quiet returns a logger whose records are errors of the test.
func quiet(t *testing.T) *slog.Logger {
	r := new(records)
	t.Cleanup(func() {
		if r.String() != "" {
			t.Errorf("want nothing in the log, got\n%v", r)
		}
	})
	return r.logger()
}
