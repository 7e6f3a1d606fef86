package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// meeting is a body that is empty when all have read it.
type meeting struct {
	ctx     context.Context
	missing *atomic.Int64
	all     chan struct{}
}

func (m meeting) Read([]byte) (int, error) {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
		return 0, io.EOF
	case <-m.ctx.Done():
		return 0, m.ctx.Err()
	}
}

// TestRequestsOfAFallback checks requests that a fallback creates from the context of its own, as a
// batch does, and passes to a handler concurrently: each call has its own request and response.
func TestRequestsOfAFallback(t *testing.T) {
	const calls = 8
	inner := server.New(server.WithLogger(slog.New(slog.DiscardHandler)))
	table := echotest.TableWith(runtime.Policy{Idempotency: runtime.NoSideEffects})
	server.Register[echotest.Service](inner, table, echo)
	handler, err := web.New(inner)
	if err != nil {
		t.Fatal(err)
	}
	batch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var wg sync.WaitGroup
		met := meeting{r.Context(), new(atomic.Int64), make(chan struct{})}
		met.missing.Store(calls)
		answers := make([]string, calls)
		for i := range answers {
			wg.Go(func() {
				path := fmt.Sprintf("%s?encoding=json&message=%%22%d%%22", one, i)
				req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, path, met)
				if err != nil {
					t.Error(err)
					return
				}
				req.ContentLength = -1 // so the protocol reads the body
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, req)
				answers[i] = recorder.Body.String()
			})
		}
		wg.Wait()
		_, _ = io.WriteString(w, strings.Join(answers, " "))
	})
	r := serve(t, echo, config{web: []web.Option{web.WithFallback(batch)}})
	for _, two := range []bool{false, true} {
		req, err := http.NewRequestWithContext(
			echotest.Context(t), http.MethodGet, r.url+"/batch", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := httpClient(t, two, nil).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := `"0" "1" "2" "3" "4" "5" "6" "7"`; err != nil || string(body) != want {
			t.Errorf("HTTP/2 %t: %s %s %v, want %s", two, resp.Status, body, err, want)
		}
	}
}
