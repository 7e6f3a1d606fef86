package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// unaryFeatures are what go-zero's defaults lack: authentication with scopes, and the rates. Its
// own authentication asks Redis.
func unaryFeatures() []grpc.UnaryServerInterceptor {
	admit := admission()
	return []grpc.UnaryServerInterceptor{func(
		ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (any, error) {
		ctx, err := admit(ctx)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}}
}

func streamFeatures() []grpc.StreamServerInterceptor {
	admit := admission()
	return []grpc.StreamServerInterceptor{func(
		srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler,
	) error {
		if _, err := admit(ss.Context()); err != nil {
			return err
		}
		return handler(srv, ss)
	}}
}

type principalKey struct{}

// admission returns what admits a call: the rate of its method, its principal, and that one's
// rate.
func admission() func(context.Context) (context.Context, error) {
	method, principals := peers.NewRate(), peers.NewRates()
	return func(ctx context.Context) (context.Context, error) {
		if !method.Allow() {
			return nil, status.Error(codes.ResourceExhausted, "too many calls")
		}
		var principal *peers.Principal
		if values := metadata.ValueFromIncomingContext(ctx, peers.TokenKey); len(values) > 0 {
			principal = peers.Authenticate(values[0])
		}
		if principal == nil {
			return nil, status.Error(codes.Unauthenticated, "unknown token")
		}
		if !principal.MayCall() {
			return nil, status.Error(codes.PermissionDenied, "missing scope")
		}
		if !principals.Allow(principal.ID) {
			return nil, status.Error(codes.ResourceExhausted, "too many calls")
		}
		return context.WithValue(ctx, principalKey{}, principal), nil
	}
}
