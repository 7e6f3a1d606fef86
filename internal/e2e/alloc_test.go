//go:build !race

// The race detector adds allocations.

package e2e

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// fixed answers with a response that it has.
type fixed struct {
	kindsv1service.UnimplementedKindsService
	resp *kindsv1.Response
}

func (f fixed) Unary(context.Context, *kindsv1.Request) (*kindsv1.Response, error) {
	return f.resp, nil
}

// registered keeps the handler of the first unary method that is registered.
type registered struct{ handler grpc.MethodHandler }

func (r *registered) RegisterService(desc *grpc.ServiceDesc, _ any) {
	r.handler = desc.Methods[0].Handler
}

// TestUnaryAllocations holds what a call costs over one of protoc-gen-go-grpc without interceptors,
// at the handler: recovery, the request ID, and a log that wants no record. Both have the deadline
// of their client.
func TestUnaryAllocations(t *testing.T) {
	svc := fixed{resp: &kindsv1.Response{}}
	var ours registered
	kindsv1service.RegisterKindsService(server.On(&ours, server.WithLogger(quiet)), svc)
	stock := kindsv1.KindsService_ServiceDesc.Methods[0].Handler
	for name, ctx := range map[string]context.Context{
		"request ID made": testContext(t),
		"request ID sent": metadata.NewIncomingContext(testContext(t), metadata.Pairs("x-request-id", "abc")),
	} {
		bare := allocations(t, ctx, stock, stockServer{svc: svc})
		if got := allocations(t, ctx, ours.handler, svc); got > bare+2 {
			t.Errorf("%s: %v allocations, protoc-gen-go-grpc has %v; at most 2 more", name, got, bare)
		}
	}
}

// allocations counts those of one call of a handler.
func allocations(t *testing.T, ctx context.Context, handler grpc.MethodHandler, impl any) float64 {
	t.Helper()
	decode := func(any) error { return nil }
	return testing.AllocsPerRun(200, func() {
		if _, err := handler(impl, ctx, decode, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPolicyAllocations holds what a call of FullService costs, which asks all there is: a
// principal that is known, scopes, two rates, a size, and a record in the log.
func TestPolicyAllocations(t *testing.T) {
	svc := fixed{resp: &kindsv1.Response{}}
	ada := runtime.NewPrincipal("ada", "read", "here")
	known := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return ada, nil })
	bare := allocations(t, testContext(t), policyv1.FullService_ServiceDesc.Methods[0].Handler, stockServer{svc: svc})
	for level, most := range map[slog.Level]float64{slog.LevelInfo: 4, slog.LevelError: 3} {
		var ours registered
		logger := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level}))
		policyv1service.RegisterFullService(server.On(&ours, server.WithLogger(logger), server.WithAuthenticator(known)), svc)
		if got := allocations(t, testContext(t), ours.handler, svc); got > bare+most {
			t.Errorf("log level %v: %v allocations, protoc-gen-go-grpc has %v; at most %v more", level, got, bare, most)
		}
	}
}
