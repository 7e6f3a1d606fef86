//go:build !race

// The race detector adds allocations.

package e2e

import (
	"context"
	"io"
	"log/slog"
	"net"
	goruntime "runtime"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestTransportAllocations limits what a call over TCP costs more than one of protoc-gen-go-grpc on
// a server of grpc: the call, and what grpc passes to its tap handle. Everything that a policy may
// require is in use. Client and server are in this process, and the client is the same.
func TestTransportAllocations(t *testing.T) {
	svc := fixed{resp: &kindsv1.Response{}}
	stock := grpc.NewServer()
	policyv1.RegisterFullServiceServer(stock, stockServer{svc: svc})
	bare := allocationsOverTCP(t, stock)
	ada := runtime.NewPrincipal("ada", "read", "here")
	known := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return ada, nil })
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		logger := slog.New(server.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level}))
		opts := []server.Option{server.WithLogger(logger), server.WithAuthenticator(known)}
		ours := grpc.NewServer(server.GRPCOptions(opts...)...)
		policyv1service.RegisterFullService(server.On(ours, opts...), svc)
		if got := allocationsOverTCP(t, ours); got > bare+2 {
			t.Errorf("log level %v: %v allocations, protoc-gen-go-grpc has %v; at most 2 more", level, got, bare)
		}
	}
}

// allocationsOverTCP returns the usual number of allocations of a call of a server and its client.
func allocationsOverTCP(t *testing.T, srv *grpc.Server) uint64 {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(lis) // ends with Stop
	defer srv.Stop()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := policyv1.NewFullServiceClient(conn)
	ctx := metadata.AppendToOutgoingContext(testContext(t), "x-request-id", "abc")
	return mostOften(func() {
		if _, err := client.Unary(ctx, &kindsv1.Request{Text: "hello"}); err != nil {
			t.Fatal(err)
		}
	})
}

// mostOften returns the number of allocations that most runs of f have. Transports work in the
// background, so that some runs have more, or those of the one before.
func mostOften(f func()) (most uint64) {
	counts := make(map[uint64]int)
	for range 300 {
		counts[allocated(f)]++
	}
	for n, times := range counts {
		if times > counts[most] || times == counts[most] && n < most {
			most = n
		}
	}
	return most
}

// allocated counts the allocations of f.
func allocated(f func()) uint64 {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
