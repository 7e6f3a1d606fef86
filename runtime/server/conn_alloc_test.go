//go:build !race

// The race detector adds allocations.

package server_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestConnAllocations limits what a call without a network allocates.
func TestConnAllocations(t *testing.T) {
	srv := server.New()
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{
		OneFunc: func(_ context.Context, req *text) (*text, error) { return req, nil },
	})
	client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn())}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	req := wrapperspb.String("hello")
	const most = 7 // two messages with a string each, the call at both ends, and its decoder
	if got := testing.AllocsPerRun(200, func() {
		if _, err := client.One(ctx, req); err != nil {
			t.Fatal(err)
		}
	}); got > most {
		t.Errorf("a call allocates %v times, want at most %d", got, most)
	}
}
