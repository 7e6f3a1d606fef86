//go:build !race

// The race detector adds allocations.

package server_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestConnAllocations limits what a call without a network allocates.
func TestConnAllocations(t *testing.T) {
	req := wrapperspb.String("hello")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for name, test := range map[string]struct {
		log  slog.Handler
		opts []server.ConnOption
		most float64
	}{
		// Two messages with a string each, the call at both ends, and its decoder.
		"no log": {slog.DiscardHandler, nil, 7},
		// The metadata, with the request ID.
		"a log": {slog.NewJSONHandler(io.Discard, nil), nil, 7 + 4},
		// The goroutine and its end.
		"separate": {slog.DiscardHandler, []server.ConnOption{server.WithSeparateGoroutines()}, 7 + 2},
	} {
		srv := server.New(server.WithLogger(slog.New(test.log)))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{
			OneFunc: func(_ context.Context, req *text) (*text, error) { return req, nil },
		})
		client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn(test.opts...))}
		if got := alloctest.Least(func() {
			if _, err := client.One(ctx, req); err != nil {
				t.Fatal(err)
			}
		}); got > test.most {
			t.Errorf("%s: a call allocates %v times, want at most %v", name, got, test.most)
		}
	}
}
