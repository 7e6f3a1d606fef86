package main

import (
	"context"

	policyv1 "github.com/grpcservice/grpcservice/benchmarks/peers/gen/policy/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// fullService is what the plugin generates for FullService.
type fullService interface {
	Unary(ctx context.Context, req *policyv1.Request) (*policyv1.Response, error)
	ServerStream(ctx context.Context, req *policyv1.Request) runtime.Stream[policyv1.Response]
}

// register registers service with the policy of FullService in internal/e2e, or without one.
func register(srv *server.Server, policies bool) {
	var policy runtime.Policy
	if policies {
		policy = runtime.Policy{
			Auth: &runtime.Auth{AllOf: []string{"read"}, AnyOf: []string{"here", "there"}},
			Rates: []runtime.Rate{
				{PerSecond: 1e9, Burst: 1e6},
				{PerSecond: 1e9, Burst: 1e6, Key: runtime.ByPrincipal},
			},
			MaxRequestBytes: 1e6,
		}
	}
	table := runtime.NewService("policy.v1.FullService", policyv1.File_policy_v1_full_proto,
		runtime.Unary("Unary", fullService.Unary, policy),
		runtime.ServerStream("ServerStream", fullService.ServerStream, policy),
	)
	server.Register[fullService](srv, table, service{})
}

var response = &policyv1.Response{Text: "hello, reader", Count: 7}

// service does next to nothing, so that what is measured is what is around it.
type service struct{}

func (service) Unary(context.Context, *policyv1.Request) (*policyv1.Response, error) {
	return response, nil
}

func (service) ServerStream(
	_ context.Context, req *policyv1.Request,
) runtime.Stream[policyv1.Response] {
	return func(yield func(*policyv1.Response, error) bool) {
		for range req.GetCount() {
			if !yield(response, nil) {
				return
			}
		}
	}
}
