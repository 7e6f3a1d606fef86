package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// client returns a client of a service whose bidi RPC is fn.
func stub(t *testing.T, fn duplexFunc) func(context.Context, runtime.Stream[number]) runtime.Stream[number] {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[duplexService](r, duplexTable, fn) })
	return func(ctx context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
		return client.Bidi[number](ctx, client.Bind(conn, duplexTable.Methods()[0]), reqs)
	}
}

// double replies to each request, until one is negative.
func double(_ context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
	return func(yield func(*number, error) bool) {
		for req, err := range reqs {
			if err == nil && req.GetValue() < 0 {
				err = status.Error(codes.OutOfRange, "negative")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(wrapperspb.Int64(2*req.GetValue()), nil) {
				return
			}
		}
	}
}

func TestConversationsTakeTurns(t *testing.T) {
	servicetest.NoLeaks(t)
	c := stream.Converse(t.Context(), stub(t, double))
	defer c.Close()
	for i := range int64(3) {
		if err := c.Send(wrapperspb.Int64(i)); err != nil {
			t.Fatal(err)
		}
		if reply, err := c.Receive(); err != nil || reply.GetValue() != 2*i {
			t.Fatalf("got %v, %v", reply, err)
		}
	}
	c.CloseSend()
	for range 2 {
		if reply, err := c.Receive(); reply != nil || err != io.EOF {
			t.Errorf("got %v, %v, want the end", reply, err)
		}
	}
	if err := c.Send(one); !errors.Is(err, stream.ErrReaderGone) {
		t.Errorf("Send after the end: %v", err)
	}
}

func TestConversationsEndWithTheStatusOfTheCall(t *testing.T) {
	servicetest.NoLeaks(t)
	c := stream.Converse(t.Context(), stub(t, double))
	defer c.Close()
	if err := c.Send(wrapperspb.Int64(-1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Receive(); status.Code(err) != codes.OutOfRange {
			t.Errorf("got %v", err)
		}
	}
	if err := c.Send(one); err == nil {
		t.Error("a request was sent after the end")
	}
}

func TestClosingAConversationCancelsItsCall(t *testing.T) {
	servicetest.NoLeaks(t)
	ended := make(chan error, 1)
	c := stream.Converse(t.Context(), stub(t, func(ctx context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
		return func(yield func(*number, error) bool) {
			yield(one, nil)
			_, err := stream.Collect(reqs)
			ended <- err
		}
	}))
	if reply, err := c.Receive(); err != nil || reply.GetValue() != 1 { // the server speaks first
		t.Fatalf("got %v, %v", reply, err)
	}
	c.Close()
	c.Close()
	if err := echotest.Within(t, ended); status.Code(err) != codes.Canceled {
		t.Errorf("the requests ended with %v", err)
	}
}

func TestConversationsEndWithTheirContext(t *testing.T) {
	servicetest.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := stream.Converse(ctx, stub(t, double))
	defer c.Close()
	cancel()
	if _, err := c.Receive(); status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	if err := c.Send(one); err == nil {
		t.Error("a request was sent after the end")
	}
}

func TestConversationsRaiseThePanicOfTheirCall(t *testing.T) {
	c := stream.Converse(t.Context(), func(context.Context, runtime.Stream[number]) runtime.Stream[number] {
		return func(func(*number, error) bool) { panic("boom") }
	})
	defer c.Close()
	defer func() {
		if p, ok := recover().(*client.RequestPanic); !ok || p.Value != "boom" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = c.Receive()
}

func ExampleConverse() {
	// An implementation is called like a client: client.Chat of a generated one would do as well.
	c := stream.Converse(context.Background(), double)
	defer c.Close()
	for _, n := range []int64{1, 21} {
		if err := c.Send(wrapperspb.Int64(n)); err != nil {
			fmt.Println(err)
			return
		}
		reply, err := c.Receive()
		fmt.Println(reply.GetValue(), err)
	}
	c.CloseSend()
	_, err := c.Receive()
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// 42 <nil>
	// EOF
}
