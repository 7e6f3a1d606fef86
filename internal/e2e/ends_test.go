package e2e

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// testContext ends what the code under test does not.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// within receives from ch, or fails the test where nothing comes.
func within[T any](t *testing.T, ch <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-ch:
	case <-time.After(patience):
		t.Fatalf("nothing came within %v", patience)
	}
	return got
}

// kinds are the names of the RPCs, in the order of the proto.
var kinds = []string{"Unary", "ServerStream", "ClientStream", "Bidi"}

// call sends one request to an RPC of svc and returns all responses and the error at the end.
func call(ctx context.Context, svc kindsv1service.KindsService, kind string, req *kindsv1.Request) ([]*kindsv1.Response, error) {
	one := func(resp *kindsv1.Response, err error) ([]*kindsv1.Response, error) {
		if err != nil {
			return nil, err
		}
		return []*kindsv1.Response{resp}, nil
	}
	switch kind {
	case "Unary":
		return one(svc.Unary(ctx, req))
	case "ServerStream":
		return stream.Collect(svc.ServerStream(ctx, req))
	case "ClientStream":
		return one(svc.ClientStream(ctx, stream.Of(req)))
	default:
		return stream.Collect(svc.Bidi(ctx, stream.Of(req)))
	}
}

// stockClient calls through what protoc-gen-go-grpc generates, as an old client would.
type stockClient struct{ kindsv1.KindsServiceClient }

func newStockClient(conn grpc.ClientConnInterface) kindsv1service.KindsService {
	return stockClient{kindsv1.NewKindsServiceClient(conn)}
}

func (c stockClient) Unary(ctx context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	return c.KindsServiceClient.Unary(ctx, req)
}

func (c stockClient) ServerStream(ctx context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	ss, err := c.KindsServiceClient.ServerStream(ctx, req)
	if err != nil {
		return runtime.Fail[kindsv1.Response](err)
	}
	return receive(ss.Recv)
}

func (c stockClient) ClientStream(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) (*kindsv1.Response, error) {
	cs, err := c.KindsServiceClient.ClientStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := sendAll(cs.Send, reqs); err != nil {
		return nil, err
	}
	return cs.CloseAndRecv()
}

func (c stockClient) Bidi(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) runtime.Stream[kindsv1.Response] {
	bs, err := c.KindsServiceClient.Bidi(ctx)
	if err != nil {
		return runtime.Fail[kindsv1.Response](err)
	}
	if err := errors.Join(sendAll(bs.Send, reqs), bs.CloseSend()); err != nil {
		return runtime.Fail[kindsv1.Response](err)
	}
	return receive(bs.Recv)
}

// sendAll sends until the server has ended the call.
func sendAll[T any](send func(*T) error, msgs runtime.Stream[T]) error {
	for msg, err := range msgs {
		if err != nil {
			return err
		}
		if err := send(msg); errors.Is(err, io.EOF) { // which grpc wraps where it has retried
			return nil // the end says why
		} else if err != nil {
			return err
		}
	}
	return nil
}

// receive makes a stream of a Recv method.
func receive[T any](recv func() (*T, error)) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		for {
			msg, err := recv()
			if err == io.EOF {
				return
			}
			if !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

// stockServer serves svc through what protoc-gen-go-grpc generates, as an old server would.
type stockServer struct {
	kindsv1.UnimplementedKindsServiceServer
	svc kindsv1service.KindsService
}

func (s stockServer) Unary(ctx context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	return s.svc.Unary(ctx, req)
}

func (s stockServer) ServerStream(req *kindsv1.Request, ss grpc.ServerStreamingServer[kindsv1.Response]) error {
	return sendAll(ss.Send, s.svc.ServerStream(ss.Context(), req))
}

func (s stockServer) ClientStream(cs grpc.ClientStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	resp, err := s.svc.ClientStream(cs.Context(), receive(cs.Recv))
	if err != nil {
		return err
	}
	return cs.SendAndClose(resp)
}

func (s stockServer) Bidi(bs grpc.BidiStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	return sendAll(bs.Send, s.svc.Bidi(bs.Context(), receive(bs.Recv)))
}
