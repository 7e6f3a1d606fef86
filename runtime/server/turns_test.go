package server_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// sentMessages receives the number of messages that a call has sent.
type sentMessages chan int64

func (s sentMessages) Bind(runtime.MethodInfo) runtime.MethodObserver            { return s }
func (s sentMessages) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }
func (s sentMessages) End(_ context.Context, call runtime.Call, _ runtime.Outcome) {
	s <- call.Sent()
}

// TestSendersTakeTurns has goroutines of an interceptor send on the stream while goroutines of the
// method yield. All messages arrive and count. The race detector checks that no two are sent at the
// same time.
func TestSendersTakeTurns(t *testing.T) {
	const senders, messages = 4, 50
	for name, wrap := range map[string]func(grpc.ServerStream) grpc.ServerStream{
		"the server's stream": func(ss grpc.ServerStream) grpc.ServerStream { return ss },
		"a wrapped stream":    func(ss grpc.ServerStream) grpc.ServerStream { return struct{ grpc.ServerStream }{ss} },
	} {
		t.Run(name, func(t *testing.T) {
			beside := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
				var sending sync.WaitGroup
				for range senders {
					sending.Go(func() {
						for range messages {
							if err := ss.SendMsg(wrapperspb.String("beside")); err != nil {
								t.Error(err)
							}
						}
					})
				}
				defer sending.Wait()
				return next(srv, wrap(ss))
			}
			sent := make(sentMessages, 1)
			client, _ := near(t, echotest.Funcs{ManyFunc: func(context.Context, *text) runtime.Stream[text] {
				return func(yield func(*text, error) bool) {
					var yielding sync.WaitGroup
					for range senders {
						yielding.Go(func() {
							for range messages {
								if !yield(wrapperspb.String("yielded"), nil) {
									t.Error("a message was not sent")
								}
							}
						})
					}
					yielding.Wait()
				}
			}}, server.WithStreamInterceptors(beside), server.WithObservers(sent))
			got := make(map[string]int)
			for msg, err := range client.Many(echotest.Context(t), wrapperspb.String("")) {
				if err != nil {
					t.Fatal(err)
				}
				got[msg.GetValue()]++
			}
			if got["yielded"] != senders*messages || got["beside"] != senders*messages {
				t.Errorf("received %v, want %d of each", got, senders*messages)
			}
			if got := echotest.Within(t, (chan int64)(sent)); got != 2*senders*messages {
				t.Errorf("%d messages count as sent, want %d", got, 2*senders*messages)
			}
		})
	}
}

// TestMessagesThatAreNotSentDoNotCount has a method yield a message that cannot be encoded, and
// then an error.
func TestMessagesThatAreNotSentDoNotCount(t *testing.T) {
	sent := make(sentMessages, 1)
	failed := errors.New("failed")
	var last error
	client, _ := near(t, echotest.Funcs{ManyFunc: func(_ context.Context, req *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			_ = yield(wrapperspb.String("a"), nil) && yield(wrapperspb.String(req.GetValue()+"\xff"), nil) && yield(nil, failed)
		}
	}}, server.WithObservers(sent))
	for _, err := range client.Many(echotest.Context(t), wrapperspb.String("")) {
		last = err
	}
	if status.Code(last) != codes.Internal {
		t.Errorf("the stream ended with %v, want INTERNAL", last)
	}
	if got := echotest.Within(t, (chan int64)(sent)); got != 1 {
		t.Errorf("%d messages count as sent, want 1", got)
	}
}
