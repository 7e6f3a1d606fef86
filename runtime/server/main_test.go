package server_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestMain lets the tests use the echo service.
func TestMain(m *testing.M) { echotest.Main(m) }

// text is the message of all its RPCs.
type text = echotest.Text

// startForFuzz serves over an in-memory connection until the fuzzing ends.
func startForFuzz(f *testing.F, srv *server.Server) *grpc.ClientConn {
	f.Helper()
	lis := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	f.Cleanup(cancel)
	go srv.Serve(ctx, lis) // ends with ctx
	return echotest.DialMemory(f, lis)
}
