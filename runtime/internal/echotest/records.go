package echotest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
)

// LogText is a log that goroutines may write to concurrently.
type LogText struct {
	Mu  sync.Mutex
	Buf bytes.Buffer
}

func (l *LogText) Write(p []byte) (int, error) {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.Buf.Write(p)
}

func (l *LogText) String() string {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.Buf.String()
}

// Records is a log that a test can read.
type Records struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *Records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *Records) Logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: level}))
}

func (r *Records) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Reset()
}

// named returns the records with this message.
func (r *Records) Named(t *testing.T, msg string) (found []map[string]any) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range bytes.Lines(r.buf.Bytes()) {
		record := map[string]any{}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if record["msg"] == msg {
			found = append(found, record)
		}
	}
	return found
}

// CheckRecords expects one record for each kind of RPC.
func CheckRecords(t *testing.T, log *Records, code codes.Code, cause string) {
	t.Helper()
	found := log.Named(t, "rpc")
	if len(found) != len(Kinds) {
		t.Errorf("%d access log records, want %d", len(found), len(Kinds))
	}
	for _, record := range found {
		got, _ := record["error"].(string)
		if record["code"] != code.String() || !strings.HasSuffix(got, cause) {
			t.Errorf("record %v, want code %v and error %q", record, code, cause)
		}
		if id, _ := record["request_id"].(string); len(id) != 32 {
			t.Errorf("record %v has no request ID", record)
		}
		if method, _ := record["method"].(string); !strings.HasPrefix(method, Name+"/") {
			t.Errorf("record %v has no method", record)
		}
	}
}

// text returns all records as written.
func (r *Records) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// warnings returns the log lines that warn of random keys.
func (r *Records) Warnings(t *testing.T) (lines []string) {
	t.Helper()
	r.mu.Lock()
	text := r.buf.String()
	r.mu.Unlock()
	for line := range strings.Lines(text) {
		if strings.Contains(line, "random key") && strings.Contains(line, "server.WithTokenKeys") && strings.Contains(line, `"level":"WARN"`) {
			lines = append(lines, line)
		}
	}
	return lines
}
