package client_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestCallsBeyondTheStreamsOfAConnectionWait checks what docs/client.md says of the call that a
// connection has no stream for: it waits for one until its deadline, and another connection has
// more.
func TestCallsBeyondTheStreamsOfAConnectionWait(t *testing.T) {
	servicetest.NoLeaks(t)
	impl := silentChat
	impl.OneFunc = answer("one").OneFunc
	srv := server.New(server.WithDrainDelay(0),
		server.WithGRPCOptions(grpc.MaxConcurrentStreams(2)))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	addr := echotest.ListenAndServe(t, srv)
	client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.DialAll(t, []string{addr}))}
	var waiting chan error
	for range client.Chat(echotest.Context(t), echotest.Texts()) {
		for range client.Chat(echotest.Context(t), echotest.Texts()) {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			_, err := client.One(ctx, &text{})
			cancel()
			if status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("the third call: %v", err)
			}
			other := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.DialAll(t, []string{addr}))}
			if _, err := other.One(echotest.Context(t), &text{}); err != nil {
				t.Errorf("a call on another connection: %v", err)
			}
			waiting = make(chan error, 1)
			ctx = echotest.Context(t)
			go func() {
				_, err := client.One(ctx, &text{})
				waiting <- err
			}()
			break
		}
		if err := echotest.Within(t, waiting); err != nil {
			t.Errorf("a call that waited until another had ended: %v", err)
		}
		break
	}
}
