package e2e

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestMethodNames checks that interceptors of both ends get the names that are generated.
func TestMethodNames(t *testing.T) {
	var atServer, atClient []string
	addr := serve(t, kindsService{},
		server.WithUnaryInterceptors(func(
			ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler,
		) (any, error) {
			atServer = append(atServer, info.FullMethod)
			return next(ctx, req)
		}),
		server.WithStreamInterceptors(func(
			srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler,
		) error {
			atServer = append(atServer, info.FullMethod)
			return next(srv, ss)
		}))
	conn := connect(t, addr, client.WithDialOptions(
		grpc.WithUnaryInterceptor(func(
			ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
			invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			atClient = append(atClient, method)
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(
			ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
			stream grpc.Streamer, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			atClient = append(atClient, method)
			return stream(ctx, desc, cc, method, opts...)
		})))
	svc := kindsv1service.NewKindsServiceClient(conn)
	requests := func(yield func(*kindsv1.Request, error) bool) { yield(&kindsv1.Request{}, nil) }
	if _, err := svc.Unary(t.Context(), &kindsv1.Request{}); err != nil {
		t.Fatal(err)
	}
	for _, err := range svc.ServerStream(t.Context(), &kindsv1.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := svc.ClientStream(t.Context(), requests); err != nil {
		t.Fatal(err)
	}
	for _, err := range svc.Bidi(t.Context(), requests) {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		kindsv1service.KindsServiceUnaryMethod, kindsv1service.KindsServiceServerStreamMethod,
		kindsv1service.KindsServiceClientStreamMethod, kindsv1service.KindsServiceBidiMethod,
	}
	if !slices.Equal(atServer, want) {
		t.Errorf("interceptors of the server get %q, want %q", atServer, want)
	}
	if !slices.Equal(atClient, want) {
		t.Errorf("interceptors of the client get %q, want %q", atClient, want)
	}
}
