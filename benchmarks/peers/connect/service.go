package main

import (
	"context"

	"connectrpc.com/connect/v2"

	policyv1 "github.com/grpcservice/grpcservice/benchmarks/peers/gen/policy/v1"
)

var response = &policyv1.Response{Text: "hello, reader", Count: 7}

// register does what protoc-gen-connect-go's code does for these two methods.
func register(srv *connect.Server) {
	srv.Register(
		connect.Method{
			Spec:    connect.Spec{Procedure: "/policy.v1.FullService/Unary", StreamType: connect.StreamTypeUnary},
			Handler: unary,
		},
		connect.Method{
			Spec:    connect.Spec{Procedure: "/policy.v1.FullService/ServerStream", StreamType: connect.StreamTypeServer},
			Handler: serverStream,
		},
	)
}

func unary(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
	var req policyv1.Request
	if err := stream.Receive(&req); err != nil {
		return err
	}
	return stream.Send(response)
}

func serverStream(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
	var req policyv1.Request
	if err := stream.Receive(&req); err != nil {
		return err
	}
	for range req.GetCount() {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}
