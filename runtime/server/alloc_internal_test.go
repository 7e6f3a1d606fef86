//go:build !race

// The race detector adds allocations.

package server

import (
	"context"
	"log/slog"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// stockHealth answers as Health does, behind what protoc-gen-go-grpc generates.
type stockHealth struct {
	healthpb.UnimplementedHealthServer
}

func (stockHealth) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

// unaryAllocs counts the allocations of one call of a service's first unary method, at its handler.
func unaryAllocs(t *testing.T, ctx context.Context, desc *grpc.ServiceDesc, impl any) float64 {
	t.Helper()
	handler := desc.Methods[0].Handler
	decode := func(any) error { return nil }
	return testing.AllocsPerRun(200, func() {
		if _, err := handler(impl, ctx, decode, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestUnaryAllocations holds what the pipeline costs over a bare handler: recovery, a request ID
// and a log that wants no record. The client's deadline is there, as ours adds a timer.
func TestUnaryAllocations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := newPipeline(newSettings([]Option{WithLogger(slog.New(slog.DiscardHandler)), WithDefaultTimeout(0)}))
	health := newHealth()
	ours := describe[healthService](p, healthTable, health.onServer())
	for name, test := range map[string]struct {
		ctx  context.Context
		most float64
	}{
		"request ID made": {ctx, 1},
		"request ID sent": {metadata.NewIncomingContext(ctx, metadata.Pairs("x-request-id", "abc")), 1},
	} {
		stock := unaryAllocs(t, test.ctx, &healthpb.Health_ServiceDesc, stockHealth{})
		if got := unaryAllocs(t, test.ctx, ours, health); got > stock+test.most {
			t.Errorf("%s: %v allocations, stock has %v; at most %v more", name, got, stock, test.most)
		}
	}
}

// nullStream is a stream without a transport, to count what a message costs on top of it.
type nullStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *nullStream) Context() context.Context { return s.ctx }
func (s *nullStream) SendMsg(any) error        { return nil }
func (s *nullStream) RecvMsg(any) error        { return nil }

// manyMessages is an implementation that answers with a number of messages it made before.
func manyMessages(n int) runtime.Stream[healthpb.HealthCheckResponse] {
	resp := new(healthpb.HealthCheckResponse)
	return func(yield func(*healthpb.HealthCheckResponse, error) bool) {
		for range n {
			if !yield(resp, nil) {
				return
			}
		}
	}
}

// TestStreamAllocations checks that a message costs nothing beyond itself.
func TestStreamAllocations(t *testing.T) {
	p := newPipeline(newSettings([]Option{WithLogger(slog.New(slog.DiscardHandler))}))
	m := p.bind(runtime.NewMethodInfo("a.B", "C", runtime.KindServerStream, runtime.Policy{}), nil)
	sendAllocs := func(n int) float64 {
		handler := m.serveStream(handlerOfRow(n, runtime.ServerStream("C", func(n int, _ context.Context, _ *healthpb.HealthCheckRequest) runtime.Stream[healthpb.HealthCheckResponse] {
			return manyMessages(n)
		}, runtime.Policy{})).Stream)
		ss := &nullStream{ctx: context.Background()}
		return alloctest.Least(func() { _ = handler(nil, ss) })
	}
	if few, many := sendAllocs(10), sendAllocs(1010); many-few > 1 {
		t.Errorf("1000 more responses cost %v allocations", many-few)
	}
	receiveAllocs := func(n int) float64 {
		handler := m.serveStream(handlerOfRow(n, runtime.ClientStream("C", func(n int, _ context.Context, reqs runtime.Stream[healthpb.HealthCheckRequest]) (*healthpb.HealthCheckResponse, error) {
			for range reqs {
				if n--; n == 0 {
					break
				}
			}
			return new(healthpb.HealthCheckResponse), nil
		}, runtime.Policy{})).Stream)
		ss := &nullStream{ctx: context.Background()}
		return alloctest.Least(func() { _ = handler(nil, ss) })
	}
	if few, many := receiveAllocs(10), receiveAllocs(1010); many-few > 1001 {
		t.Errorf("1000 more requests cost %v allocations, want one each", many-few)
	}
}
