//go:build !race

// The race detector adds allocations.

package grpcprom_test

import (
	"context"
	"fmt"
	goruntime "runtime"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// fixed answers with a response that it has.
type fixed struct {
	kindsv1service.UnimplementedKindsService
	resp *kindsv1.Response
	err  error
}

func (f fixed) Unary(context.Context, *kindsv1.Request) (*kindsv1.Response, error) {
	return f.resp, f.err
}

// registered keeps the handler of the first unary method that is registered.
type registered struct{ handler grpc.MethodHandler }

func (r *registered) RegisterService(desc *grpc.ServiceDesc, _ any) {
	r.handler = desc.Methods[0].Handler
}

// TestAllocationsOfCalls holds that metrics add no allocation to a call of a server's pipeline:
// with one that succeeds, one that fails, labels, and exemplars of calls that are not sampled.
func TestAllocationsOfCalls(t *testing.T) {
	tier := func(context.Context) string { return "paid" }
	unsampled := func(context.Context) map[string]string { return nil }
	for name, opts := range map[string][]grpcprom.Option{
		"default":   nil,
		"labels":    {grpcprom.WithLabels("tier", []string{"free", "paid"}, tier)},
		"exemplars": {grpcprom.WithExemplars(unsampled)},
	} {
		for result, err := range map[string]error{"OK": nil, "error": status.Error(codes.NotFound, "no")} {
			svc := fixed{resp: &kindsv1.Response{}, err: err}
			bare := allocations(t, svc)
			got := allocations(t, svc, server.WithObservers(grpcprom.New(opts...).Server()))
			if got != bare {
				t.Errorf("%s, %s: a call has %v allocations, %v without metrics", name, result, got, bare)
			}
		}
	}
}

// allocations counts those of one call of a server's pipeline.
func allocations(t *testing.T, svc fixed, opts ...server.Option) float64 {
	t.Helper()
	var ours registered
	kindsv1service.RegisterKindsService(server.On(&ours, opts...), svc)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	decode := func(any) error { return nil }
	return alloctest.Least(func() { _, _ = ours.handler(svc, ctx, decode, nil) })
}

// TestAllocationsOfStreams holds that the list of open streams does not allocate once it has grown.
func TestAllocationsOfStreams(t *testing.T) {
	o := grpcprom.New().Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindBidi, runtime.Policy{}))
	ctx, stream := context.Background(), &open{}
	if n := alloctest.Least(func() { o.End(o.Begin(ctx, stream), stream, runtime.Outcome{}) }); n != 0 {
		t.Errorf("a stream has %v allocations, want none", n)
	}
}

// open is a stream.
type open struct {
	finished
	_ int // so that streams differ
}

// TestAllocationsOfSampledCalls holds that a bucket gets at most one exemplar a second.
func TestAllocationsOfSampledCalls(t *testing.T) {
	calls := 0
	metrics := grpcprom.New(grpcprom.WithExemplars(func(context.Context) map[string]string {
		calls++
		return map[string]string{"trace_id": "a"}
	}))
	o := metrics.Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
	for range 1000 {
		o.End(o.Begin(t.Context(), finished{}), finished{}, runtime.Outcome{})
	}
	if calls != 1 {
		t.Errorf("%d exemplars, want 1", calls)
	}
}

// TestMemoryOfManyMethods holds what 1,000 methods take that have returned all codes.
func TestMemoryOfManyMethods(t *testing.T) {
	before := heap()
	metrics := grpcprom.New()
	for i := range 1000 {
		o := metrics.Server().Bind(runtime.NewMethodInfo(
			fmt.Sprintf("library.v1.BookService%d", i/10), fmt.Sprintf("Method%d", i%10),
			runtime.KindUnary, runtime.Policy{}))
		for code := range codes.Code(17) {
			o.End(o.Begin(t.Context(), finished{}), finished{},
				runtime.Outcome{Err: status.Error(code, "no"), Duration: time.Duration(code) * time.Millisecond})
		}
	}
	if took := heap() - before; took > 5<<20 {
		t.Errorf("1,000 methods take %d bytes, want at most 5 MB", took)
	} else {
		t.Logf("1,000 methods take %d bytes", took)
	}
	if n := len(series(t, metrics)); n < 17000 {
		t.Errorf("%d series, want all codes", n)
	}
}

func heap() int64 {
	goruntime.GC()
	goruntime.GC()
	var stats goruntime.MemStats
	goruntime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// BenchmarkCall is what metrics add to a unary call.
func BenchmarkCall(b *testing.B) {
	o := grpcprom.New().Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindUnary, runtime.Policy{}))
	ctx := context.Background()
	var call runtime.Call = finished{}
	for b.Loop() {
		o.End(o.Begin(ctx, call), call, runtime.Outcome{Duration: 3 * time.Millisecond})
	}
}

// BenchmarkStream is what metrics add to a stream.
func BenchmarkStream(b *testing.B) {
	o := grpcprom.New().Server().Bind(runtime.NewMethodInfo("a.B", "C", runtime.KindBidi, runtime.Policy{}))
	ctx := context.Background()
	var call runtime.Call = &open{}
	for b.Loop() {
		o.End(o.Begin(ctx, call), call, runtime.Outcome{Duration: 3 * time.Millisecond})
	}
}
