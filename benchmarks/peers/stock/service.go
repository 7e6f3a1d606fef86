// Package stock is the service that the servers compared have, for the stubs of protoc-gen-go-grpc.
package stock

import (
	"context"

	"google.golang.org/grpc"

	policyv1 "github.com/grpcservice/grpcservice/benchmarks/peers/gen/policy/v1"
)

// Response is what all methods return.
var Response = &policyv1.Response{Text: "hello, reader", Count: 7}

// Service does next to nothing, so that what is measured is what is around it.
type Service struct {
	policyv1.UnimplementedFullServiceServer
}

// Unary returns Response.
func (Service) Unary(context.Context, *policyv1.Request) (*policyv1.Response, error) {
	return Response, nil
}

// ServerStream sends Response as often as the request asks for.
func (Service) ServerStream(
	req *policyv1.Request, ss grpc.ServerStreamingServer[policyv1.Response],
) error {
	for range req.GetCount() {
		if err := ss.Send(Response); err != nil {
			return err
		}
	}
	return nil
}
