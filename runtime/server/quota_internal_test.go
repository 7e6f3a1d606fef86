package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
)

// bearer authenticates every token as a principal of that name; without a token there is no
// principal.
var bearer = AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	token := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(token) == 0 {
		return nil, nil
	}
	return runtime.NewPrincipal(token[0]), nil
})

// asToken returns the context of a call with a token.
func asToken(token string) context.Context {
	return metadata.NewIncomingContext(context.Background(), metadata.Pairs("authorization", token))
}

// slowHealth is a service whose method does what a test says.
type slowHealth struct {
	healthService
	do func(context.Context, *healthpb.HealthCheckRequest) error
}

func (s slowHealth) check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return new(healthpb.HealthCheckResponse), s.do(ctx, req)
}

// quotaHandler returns a function that makes a call of a unary method with the policy, asking about
// a service. Where the target is foreign, its handler is one of protoc-gen-go-grpc.
func quotaHandler(p runtime.Policy, foreign bool, do func(context.Context, *healthpb.HealthCheckRequest) error, opts ...Option) func(ctx context.Context, service string) error {
	pipe := newPipeline(newSettings(append(opts, WithAuthenticator(bearer))))
	impl := slowHealth{do: do}
	info := runtime.NewMethodInfo("t.S", "Check", runtime.KindUnary, p)
	m := pipe.bind(info, impl)
	handler := m.serveUnary(handlerOfRow(healthService(impl), runtime.Unary("Check", healthService.check, p)))
	if foreign {
		handler = serveForeign(m, func(_ any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
			req := new(healthpb.HealthCheckRequest)
			if err := decode(req); err != nil {
				return nil, err
			}
			method := func(ctx context.Context, req any) (any, error) {
				return impl.check(ctx, req.(*healthpb.HealthCheckRequest))
			}
			if around == nil {
				return method(ctx, req)
			}
			return around(ctx, req, new(grpc.UnaryServerInfo), method)
		})
	}
	return func(ctx context.Context, service string) error {
		_, err := handler(impl, ctx, func(req any) error {
			if service == "broken" {
				return status.Error(codes.Internal, "the request cannot be decoded")
			}
			req.(*healthpb.HealthCheckRequest).Service = service
			return nil
		}, nil)
		return err
	}
}

// replayed is an idempotency guard that answers calls about "kept" without the method.
type replayed struct{}

func (replayed) Bind(runtime.MethodInfo) IdempotencyFunc {
	return func(ctx context.Context, req proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
		if req.(*healthpb.HealthCheckRequest).GetService() == "kept" {
			return new(healthpb.HealthCheckResponse), nil
		}
		return run(ctx)
	}
}

// intercepted answers calls about "cached" without the method.
func intercepted(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if req.(*healthpb.HealthCheckRequest).GetService() == "cached" {
		return new(healthpb.HealthCheckResponse), nil
	}
	return handler(ctx, req)
}

// TestAdaptiveLearnsFromTheMethodOnly sends a flood of calls that end at once, each for another
// reason, and sees that the calls which take their time are served as before.
func TestAdaptiveLearnsFromTheMethodOnly(t *testing.T) {
	p := runtime.Policy{
		Auth: &runtime.Auth{}, Concurrency: runtime.Concurrency{Limit: 100, Adaptive: true},
		MaxRequestBytes: 100, IdempotencyKey: runtime.IdempotencyKey{Field: "service"},
	}
	opts := []Option{WithUnaryInterceptors(intercepted), WithIdempotency(replayed{})}
	do := func(_ context.Context, req *healthpb.HealthCheckRequest) error {
		switch req.GetService() {
		case "missing":
			return status.Error(codes.NotFound, "no such service")
		case "failing":
			return errors.New("the database is away")
		case "panicking":
			panic("x")
		}
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	large := string(make([]byte, 101))
	for name, service := range map[string]string{
		"unauthenticated": "", "invalid": large, "undecodable": "broken", "answered by an interceptor": "cached",
		"replayed": "kept", "not found": "missing", "failed": "failing", "panicked": "panicking",
	} {
		for _, foreign := range []bool{false, true} {
			if foreign && service == "kept" {
				continue // a foreign method has no guard
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					call := quotaHandler(p, foreign, do, opts...)
					for range 3_000 { // until the limit is where it belongs
						if err := call(asToken("ada"), "slow"); err != nil {
							t.Fatal(err)
						}
					}
					flood := asToken("eve")
					if service == "" {
						flood = context.Background()
					}
					for range 5_000 {
						_ = call(flood, service)
					}
					if rejected := crowd(call, 50, 30); rejected > 0 {
						t.Errorf("%d of 1500 calls were rejected, 50 at a time of 100", rejected)
					}
				})
			})
		}
	}
}

// crowd has so many callers make calls one after the other, and returns how many were rejected.
func crowd(call func(context.Context, string) error, callers, calls int) (rejected int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				if call(asToken("ada"), "slow") != nil {
					mu.Lock()
					rejected++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return rejected
}

// TestPrincipalsTakeTurns has one principal send more calls than may wait, then another send one.
func TestPrincipalsTakeTurns(t *testing.T) {
	p := runtime.Policy{Auth: &runtime.Auth{}, Concurrency: runtime.Concurrency{Limit: 2, MaxWait: time.Hour}}
	synctest.Test(t, func(t *testing.T) {
		call := quotaHandler(p, false, func(context.Context, *healthpb.HealthCheckRequest) error {
			time.Sleep(time.Second)
			return nil
		})
		for range 10 {
			go func() { _ = call(asToken("eve"), "") }()
		}
		synctest.Wait()
		start := time.Now()
		if err := call(asToken("ada"), ""); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the call took %v, want its own second and at most one of a call before it", took)
		}
		time.Sleep(time.Hour) // until all have returned
	})
}

// handlerOfRow returns the method of impl that a row of a table names.
func handlerOfRow[S any](impl S, row runtime.Row[S]) rpc.Handler {
	return runtime.NewService("t.S", healthpb.File_grpc_health_v1_health_proto, row).Handlers(impl)[0]
}
