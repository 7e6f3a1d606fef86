package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
)

// livePipeline is a pipeline with one method, t.S/Check, whose policy changes.
type livePipeline struct {
	*pipeline
	method *method
	call   func(ctx context.Context, service string) error
}

func newLivePipeline(t *testing.T, foreign bool, do func(context.Context, *healthpb.HealthCheckRequest) error, opts ...Option) livePipeline {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var p *pipeline
	keep := func(c *settings) { p = &pipeline{settings: c} }
	call := quotaHandler(runtime.Policy{Auth: &runtime.Auth{}}, foreign, do, append(opts, WithPolicyFile(path), keep)...)
	live := p.policyFile.pipeline
	return livePipeline{live, live.lookup("/t.S/Check"), call}
}

// change applies a policy of the method.
func (l livePipeline) change(t *testing.T, policy string) {
	t.Helper()
	file, err := overrides.ReadFile("policy.json", []byte(`{"t.S/Check": `+policy+`}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.changePolicies(file); err != nil {
		t.Fatal(err)
	}
}

// TestCountsSurviveManyChanges changes a policy 1,000 times under load, for a method of each
// generator. Its bucket hardly refills: in all, calls get what it had at the start.
func TestCountsSurviveManyChanges(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		const burst = 2_000
		live := newLivePipeline(t, foreign, func(context.Context, *healthpb.HealthCheckRequest) error { return nil })
		live.change(t, fmt.Sprintf(`{"rate": [{"perSecond": 0.001, "burst": %d}], "concurrency": {"limit": 2}}`, burst))
		var served, limited, overloaded, changed atomic.Int64
		var wg sync.WaitGroup
		defer changed.Store(1_000) // if a change fails
		for caller := range 4 {
			wg.Go(func() {
				for i := 0; i < 1_500 || changed.Load() < 1_000; i++ {
					switch err := live.call(asToken(fmt.Sprint(caller)), ""); status.Code(err) {
					case codes.OK:
						served.Add(1)
					case codes.ResourceExhausted:
						limited.Add(1)
						time.Sleep(50 * time.Microsecond) // the changes need the processor too
					case codes.Unavailable:
						overloaded.Add(1)
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 1_000 {
			live.change(t, fmt.Sprintf(`{"rate": [{"perSecond": 0.001, "burst": %d}],
				"concurrency": {"limit": %d, "adaptive": %v}, "timeout": {"default": "%ds"}, "log": {"sample": 0.%d}}`,
				burst*(1+i%2), 1+i%3, i%5 == 0, 10+i%7, 1+i%9))
			if n := live.method.slots.InFlight(); n < 0 || n > 4 {
				t.Errorf("%d in flight", n)
			}
			changed.Add(1)
		}
		wg.Wait()
		t.Logf("foreign %v: %d served, %d limited, %d overloaded", foreign, served.Load(), limited.Load(), overloaded.Load())
		if got := served.Load(); got < burst-1 || got > burst+1 {
			t.Errorf("foreign %v: %d calls served of a burst of %d", foreign, got, burst)
		}
		if n, calls := live.method.slots.InFlight(), live.inFlight(); n != 0 || calls != 0 {
			t.Errorf("foreign %v: %d in flight at the end, %d calls", foreign, n, calls)
		}
	}
}

// TestAdaptiveAfterAChange turns an adaptive limit on under load, for a method of each generator:
// it learns from the calls that start afterwards.
func TestAdaptiveAfterAChange(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			live := newLivePipeline(t, foreign, func(context.Context, *healthpb.HealthCheckRequest) error {
				time.Sleep(10 * time.Millisecond)
				return nil
			})
			crowd(live.call, 50, 10)
			live.change(t, `{"concurrency": {"limit": 100, "adaptive": true}}`)
			if got := live.method.slots.Limit(); got != 10 {
				t.Errorf("foreign %v: a limit of %d, want 10 at first", foreign, got)
			}
			crowd(live.call, 10, 500)
			learned := live.method.slots.Limit()
			if learned <= 10 {
				t.Errorf("foreign %v: a limit of %d after 5,000 calls", foreign, learned)
			}
			live.change(t, `{"concurrency": {"limit": 100, "adaptive": true}, "log": {"sample": 0.5}}`)
			if got := live.method.slots.Limit(); got != learned {
				t.Errorf("foreign %v: a limit of %d after another change, it has learned %d", foreign, got, learned)
			}
		})
	}
}

// TestGiveBackGoesToWhatItTookFrom changes the rates between the two steps of a call: the user's
// rate limiter gets back what it gave.
func TestGiveBackGoesToWhatItTookFrom(t *testing.T) {
	limiter := &reboundLimiter{balance: map[int]int{}}
	live := newLivePipeline(t, false, func(context.Context, *healthpb.HealthCheckRequest) error { return nil }, WithRateLimiter(limiter))
	live.change(t, `{"rate": [{"perSecond": 1, "burst": 7}], "concurrency": {"limit": 1}}`)
	if !live.method.slots.TryAcquire() { // so that the next call is rejected
		t.Fatal("no place is free")
	}
	limiter.onTake = func() { live.change(t, `{"rate": [{"perSecond": 1, "burst": 8}], "concurrency": {"limit": 1}}`) }
	if err := live.call(asToken("ada"), ""); status.Code(err) != codes.Unavailable {
		t.Errorf("the call: %v", err)
	}
	if got := fmt.Sprint(limiter.balance); got != "map[7:0]" {
		t.Errorf("taken and not given back: %s, want none of 7", got)
	}
}

// reboundLimiter counts what its rates have not got back, by burst.
type reboundLimiter struct {
	balance map[int]int
	onTake  func()
}

func (l *reboundLimiter) Bind(_ runtime.MethodInfo, rates []runtime.Rate) MethodRates {
	return &reboundRates{l, rates[0].Burst}
}

type reboundRates struct {
	*reboundLimiter
	burst int
}

func (r *reboundRates) Take(context.Context, string) (int, time.Duration, error) {
	r.balance[r.burst]++
	r.onTake()
	return 0, 0, nil
}

func (r *reboundRates) GiveBack(context.Context, string) { r.balance[r.burst]-- }

// TestStreamKeepsItsTimes changes the times of streams while one runs: it ends by its own.
func TestStreamKeepsItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newLivePipeline(t, false, nil)
		info := runtime.NewMethodInfo("t.S", "Watch", runtime.KindServerStream, runtime.Policy{Auth: &runtime.Auth{}, TotalTimeout: time.Minute})
		handler := live.bind(info, nil).serveStream(func(_ any, ss grpc.ServerStream) error {
			<-ss.Context().Done()
			return ss.Context().Err()
		})
		start, ended := time.Now(), make(chan error)
		go func() { ended <- handler(nil, &silentStream{ctx: asToken("ada")}) }()
		synctest.Wait()
		file, err := overrides.ReadFile("policy.json", []byte(`{"t.S/Watch": {"timeout": {"total": "1s", "idle": "1s"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := live.changePolicies(file); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; status.Code(err) != codes.DeadlineExceeded || time.Since(start) != time.Minute {
			t.Errorf("the stream that ran: %v after %v, want its minute", err, time.Since(start))
		}
		start = time.Now()
		go func() { ended <- handler(nil, &silentStream{ctx: asToken("ada")}) }()
		if err := <-ended; status.Code(err) != codes.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("the next stream: %v after %v, want its second", err, time.Since(start))
		}
	})
}

// silentStream is a stream without messages.
type silentStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *silentStream) Context() context.Context { return s.ctx }
