//go:build !race

// The race detector adds allocations.

package client

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// nullConn is a connection whose calls cost nothing.
type nullConn struct{ stream grpc.ClientStream }

func (nullConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return nil }

func (c nullConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.stream, nil
}

// countedStream answers n times.
type countedStream struct {
	grpc.ClientStream
	n, left int
}

func (s *countedStream) SendMsg(any) error { return nil }
func (s *countedStream) CloseSend() error  { return nil }

func (s *countedStream) RecvMsg(any) error {
	if s.left--; s.left < 0 {
		s.left = s.n
		return io.EOF
	}
	return nil
}

// TestUnaryCallAllocations holds what a call costs beyond grpc and its response: what the metadata
// of a request ID takes. messages is a stream of n messages, made before.
func messages(n int) runtime.Stream[healthpb.HealthCheckResponse] {
	msg := new(healthpb.HealthCheckResponse)
	return func(yield func(*healthpb.HealthCheckResponse, error) bool) {
		for range n {
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// serving is the context of a call that a server runs.
type serving struct {
	context.Context
	mechanics
	runtime.Call
}

type mechanics struct{ callctx.Call }

func (s *serving) Value(key any) any {
	if key == (callctx.Key{}) {
		return s
	}
	return s.Context.Value(key)
}

func (s *serving) Ends() (time.Time, bool)     { return s.Deadline() }
func (*serving) Principal() *runtime.Principal { return nil }
func (*serving) RequestID() string             { return "abc" }

func TestUnaryCallAllocations(t *testing.T) {
	req, bare := new(healthpb.HealthCheckRequest), context.Background()
	m := Bind(nullConn{}, runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
	calls := func(ctx context.Context) float64 {
		return testing.AllocsPerRun(200, func() { _, _ = Unary[healthpb.HealthCheckResponse](ctx, m, req) })
	}
	limited, cancel := context.WithTimeout(bare, time.Hour)
	defer cancel()
	inCall := &serving{Context: limited}
	short, cancel := context.WithTimeout(inCall, time.Minute)
	defer cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		want float64 // with the response
	}{
		"id of the server call": {short, 1 + 4},    // metadata.AppendToOutgoingContext: two slices, the value, the context
		"id made":               {limited, 1 + 5},  // and the id
		"default deadline":      {bare, 1 + 5 + 4}, // context.WithDeadline: the context, its timer and two functions
		"deadline with margin":  {inCall, 1 + 4 + 4},
	} {
		if got := calls(test.ctx); got != test.want {
			t.Errorf("%s: %v allocations, want %v", name, got, test.want)
		}
	}
}

// idle observes calls and does nothing.
type idle struct{}

func (idle) Bind(runtime.MethodInfo) runtime.MethodObserver            { return idle{} }
func (idle) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }
func (idle) End(context.Context, runtime.Call, runtime.Outcome)        {}

// TestObservedCallAllocations checks that observers cost a call one allocation, however many they
// are.
func TestObservedCallAllocations(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	info := runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{})
	m, req := Bind(nullConn{}, info), new(healthpb.HealthCheckRequest)
	call := func() { _, _ = Unary[healthpb.HealthCheckResponse](ctx, m, req) }
	without := testing.AllocsPerRun(200, call)
	m.observed = bindObservers([]*observer{newObserver(idle{}), newObserver(idle{})}, "", info)
	if with := testing.AllocsPerRun(200, call); with != without+1 {
		t.Errorf("%v allocations, and %v without observers; want one more", with, without)
	}
}

// TestStreamCallAllocations checks that a message costs nothing beyond itself.
func TestStreamCallAllocations(t *testing.T) {
	ctx := context.Background()
	responses := func(kind runtime.Kind, n int) float64 {
		m := Bind(nullConn{&countedStream{n: n, left: n}}, runtime.NewMethodInfo("a.B", "C", kind, runtime.Policy{}))
		stream := ServerStream[healthpb.HealthCheckResponse](ctx, m, new(healthpb.HealthCheckRequest))
		if kind == runtime.KindBidi {
			stream = Bidi[healthpb.HealthCheckResponse](ctx, m, messages(0))
		}
		return alloctest.Least(func() {
			for range stream {
			}
		})
	}
	requests := func(n int) float64 {
		m := Bind(nullConn{&countedStream{n: 1, left: 1}}, runtime.NewMethodInfo("a.B", "C", runtime.KindClientStream, runtime.Policy{}))
		return alloctest.Least(func() { _, _ = ClientStream[healthpb.HealthCheckResponse](ctx, m, messages(n)) })
	}
	for _, kind := range []runtime.Kind{runtime.KindServerStream, runtime.KindBidi} {
		if few, many := responses(kind, 10), responses(kind, 1010); many-few > 1010 { // the goroutine of the requests has some of its own
			t.Errorf("%v: 1000 more responses cost %v allocations, want one each", kind, many-few)
		}
	}
	if few, many := requests(10), requests(1010); many-few > 1 {
		t.Errorf("1000 more requests cost %v allocations", many-few)
	}
}
