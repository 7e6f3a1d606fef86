package middlewaretest

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime"
)

// result returns the error that a request asks for.
func result(req *kindsv1.Request) error {
	if req.GetCode() == 0 {
		return nil
	}
	return status.Error(codes.Code(req.GetCode()), "as requested")
}

// ours implements the service for the runtime.
type ours struct{}

func (ours) Unary(_ context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	if err := result(req); err != nil {
		return nil, err
	}
	return &kindsv1.Response{}, nil
}

func (ours) ServerStream(_ context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	return func(yield func(*kindsv1.Response, error) bool) {
		for range req.GetCount() {
			if !yield(&kindsv1.Response{}, nil) {
				return
			}
		}
		if err := result(req); err != nil {
			yield(nil, err)
		}
	}
}

func (ours) ClientStream(
	_ context.Context, reqs runtime.Stream[kindsv1.Request],
) (*kindsv1.Response, error) {
	var last *kindsv1.Request
	for req, err := range reqs {
		if err != nil {
			return nil, err
		}
		last = req
	}
	if err := result(last); err != nil {
		return nil, err
	}
	return &kindsv1.Response{}, nil
}

func (o ours) Bidi(
	_ context.Context, reqs runtime.Stream[kindsv1.Request],
) runtime.Stream[kindsv1.Response] {
	return func(yield func(*kindsv1.Response, error) bool) {
		var last *kindsv1.Request
		for req, err := range reqs {
			if err != nil {
				yield(nil, err)
				return
			}
			last = req
			for range req.GetCount() {
				if !yield(&kindsv1.Response{}, nil) {
					return
				}
			}
		}
		if err := result(last); err != nil {
			yield(nil, err)
		}
	}
}

// stock implements the service for protoc-gen-go-grpc.
type stock struct {
	kindsv1.UnimplementedKindsServiceServer
}

func (stock) Unary(ctx context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	return ours{}.Unary(ctx, req)
}

func (stock) ServerStream(
	req *kindsv1.Request, stream grpc.ServerStreamingServer[kindsv1.Response],
) error {
	for range req.GetCount() {
		if err := stream.Send(&kindsv1.Response{}); err != nil {
			return err
		}
	}
	return result(req)
}

func (stock) ClientStream(
	stream grpc.ClientStreamingServer[kindsv1.Request, kindsv1.Response],
) error {
	var last *kindsv1.Request
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		last = req
	}
	if err := result(last); err != nil {
		return err
	}
	return stream.SendAndClose(&kindsv1.Response{})
}

func (stock) Bidi(stream grpc.BidiStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	var last *kindsv1.Request
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return result(last)
		}
		if err != nil {
			return err
		}
		last = req
		for range req.GetCount() {
			if err := stream.Send(&kindsv1.Response{}); err != nil {
				return err
			}
		}
	}
}
