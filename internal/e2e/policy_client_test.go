package e2e

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// flaky answers the first calls, to any of its methods, by first, and all others by itself.
type flaky struct {
	kindsService
	calls *atomic.Int64
	until int64
	first func(context.Context) error
}

func (f flaky) fail(ctx context.Context) error {
	if f.calls.Add(1) > f.until {
		return nil
	}
	return f.first(ctx)
}

func (f flaky) Unary(ctx context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	if err := f.fail(ctx); err != nil {
		return nil, err
	}
	return f.kindsService.Unary(ctx, req)
}

func (f flaky) ServerStream(ctx context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	if err := f.fail(ctx); err != nil {
		return runtime.Fail[kindsv1.Response](err)
	}
	return f.kindsService.ServerStream(ctx, req)
}

func (f flaky) ClientStream(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) (*kindsv1.Response, error) {
	if err := f.fail(ctx); err != nil {
		return nil, err
	}
	return f.kindsService.ClientStream(ctx, reqs)
}

func (f flaky) Bidi(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) runtime.Stream[kindsv1.Response] {
	if err := f.fail(ctx); err != nil {
		return runtime.Fail[kindsv1.Response](err)
	}
	return f.kindsService.Bidi(ctx, reqs)
}

// TestRetries has RetriedService fail some times, and counts the calls that one call of a client
// becomes.
func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		service string
		code    codes.Code
		fails   int64
		calls   int64
		want    codes.Code
	}{
		"until it succeeds":         {"RetriedService", codes.Unavailable, 3, 4, codes.OK},
		"another of the codes":      {"RetriedService", codes.Aborted, 1, 2, codes.OK},
		"until it has been enough":  {"RetriedService", codes.Unavailable, 9, 4, codes.Unavailable},
		"not after other codes":     {"RetriedService", codes.NotFound, 1, 1, codes.NotFound},
		"not where nothing is said": {"PublicService", codes.Unavailable, 1, 1, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			onPolicyEnds(t, test.service, func(t *testing.T, end policyEnd, kind string) {
				if end.near {
					return
				}
				svc := flaky{calls: new(atomic.Int64), until: test.fails, first: func(context.Context) error { return status.Error(test.code, "not now") }}
				srv := servePolicy(t, end.register(policyServices[test.service]), svc)
				_, err := call(testContext(t), end.connect(t, srv, policyServices[test.service]), kind, small)
				code := status.Code(err)
				if !end.ours && lostStatus(err) {
					code = test.code
				}
				if got := svc.calls.Load(); code != test.want || got != test.calls {
					t.Errorf("%v after %d calls, want %v after %d", err, got, test.want, test.calls)
				}
			})
		})
	}
}

// lostStatus reports whether grpc-go has lost the status of the last attempt, as it does where that
// fails while what was sent before is sent again: "max retries exhausted: failed after 4 attempts:
// EOF".
func lostStatus(err error) bool { return errors.Is(err, io.EOF) }

// onPolicyEnds runs a test on every pair of ends and every kind of RPC, and wants no goroutine
// left.
func onPolicyEnds(t *testing.T, service string, test func(t *testing.T, end policyEnd, kind string)) {
	for _, end := range policyEnds {
		t.Run(end.name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			for _, kind := range kinds {
				t.Run(kind, func(t *testing.T) { test(t, end, kind) })
			}
		})
	}
}

// TestHedges has the first call hang. Our client makes another for the unary method, which alone is
// hedged, and cancels the first.
func TestHedges(t *testing.T) {
	servicetest.NoLeaks(t)
	cancelled := make(chan error, 1)
	svc := flaky{calls: new(atomic.Int64), until: 1, first: func(ctx context.Context) error {
		<-ctx.Done()
		cancelled <- ctx.Err()
		return ctx.Err()
	}}
	srv := servePolicy(t, policyServices["HedgedService"].register, svc)
	client := ourClient(t, srv, policyServices["HedgedService"])
	if _, err := client.Unary(testContext(t), small); err != nil || svc.calls.Load() < 2 {
		t.Errorf("%v after %d calls", err, svc.calls.Load())
	}
	if err := within(t, cancelled); err != context.Canceled {
		t.Errorf("the first call ended with %v", err)
	}
}

// TestHedgesAfterAFailure has the first call fail, for each client and kind: our client hedges the
// unary method; grpc-go's does not know how to, and streams are not hedged.
func TestHedgesAfterAFailure(t *testing.T) {
	onPolicyEnds(t, "HedgedService", func(t *testing.T, end policyEnd, kind string) {
		svc := flaky{calls: new(atomic.Int64), until: 1, first: func(context.Context) error { return status.Error(codes.Unavailable, "not now") }}
		srv := servePolicy(t, end.register(policyServices["HedgedService"]), svc)
		_, err := call(testContext(t), end.connect(t, srv, policyServices["HedgedService"]), kind, small)
		want, calls := codes.Unavailable, int64(1)
		if end.ours && kind == "Unary" {
			want, calls = codes.OK, 2
		}
		if got := svc.calls.Load(); status.Code(err) != want || got != calls {
			t.Errorf("%v after %d calls, want %v after %d", err, got, want, calls)
		}
	})
}

// TestPrincipalsHaveRatesOfTheirOwn has one caller use up its rate; another is not concerned.
func TestPrincipalsHaveRatesOfTheirOwn(t *testing.T) {
	onPolicyEnds(t, "PrincipalRateService", func(t *testing.T, end policyEnd, kind string) {
		srv := servePolicy(t, end.register(policyServices["PrincipalRateService"]), kindsService{})
		client := end.connect(t, srv, policyServices["PrincipalRateService"])
		calls := func(name string) (accepted int) {
			for range 3 {
				if _, err := call(as(testContext(t), name), client, kind, small); err == nil {
					accepted++
				}
			}
			return accepted
		}
		if ada, grace := calls("ada"), calls("grace"); ada != 2 || grace != 2 {
			t.Errorf("of 3 calls each, %d and %d were accepted; want 2 and 2", ada, grace)
		}
	})
}

var _ kindsv1service.KindsService = flaky{}
