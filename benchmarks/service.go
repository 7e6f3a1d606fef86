package main

import (
	"context"
	"io"

	"google.golang.org/grpc"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// response is what all methods return.
var response = &kindsv1.Response{Text: "hello, reader", Count: 7}

// service does next to nothing, so that what is measured is what is around it.
type service struct {
	policyv1service.UnimplementedFullService
}

func (service) Unary(context.Context, *kindsv1.Request) (*kindsv1.Response, error) {
	return response, nil
}

func (service) ServerStream(_ context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	return func(yield func(*kindsv1.Response, error) bool) {
		for range req.GetCount() {
			if !yield(response, nil) {
				return
			}
		}
	}
}

func (service) Bidi(
	_ context.Context, reqs runtime.Stream[kindsv1.Request],
) runtime.Stream[kindsv1.Response] {
	return func(yield func(*kindsv1.Response, error) bool) {
		for _, err := range reqs {
			if err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			if !yield(response, nil) {
				return
			}
		}
	}
}

// stockService does the same for protoc-gen-go-grpc.
type stockService struct {
	policyv1.UnimplementedFullServiceServer
}

func (stockService) Unary(context.Context, *kindsv1.Request) (*kindsv1.Response, error) {
	return response, nil
}

func (stockService) ServerStream(
	req *kindsv1.Request, ss grpc.ServerStreamingServer[kindsv1.Response],
) error {
	for range req.GetCount() {
		if err := ss.Send(response); err != nil {
			return err
		}
	}
	return nil
}

func (stockService) Bidi(ss grpc.BidiStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	for {
		if _, err := ss.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := ss.Send(response); err != nil {
			return err
		}
	}
}
