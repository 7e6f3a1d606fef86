package server_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// succeed is a method that does nothing.
func succeed(context.Context) error { return nil }

// TestUnauthenticatedCallersTakeNoSlots has callers without credentials wait in the authenticator,
// more of them than the method may run calls.
func TestUnauthenticatedCallersTakeNoSlots(t *testing.T) {
	for kind, call := range echotest.Kinds {
		t.Run(kind, func(t *testing.T) {
			gate := newGate()
			slow := server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
				principal, err := byToken(ctx)
				if principal == nil {
					err = errors.Join(err, gate.pass(ctx))
				}
				return principal, err
			})
			p := runtime.Policy{Auth: &runtime.Auth{}, Concurrency: runtime.Concurrency{Limit: 2}}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(succeed))
			},
				server.WithAuthenticator(slow))
			ended := make(chan error, 4)
			for range cap(ended) {
				go func() { ended <- call(echotest.Context(t), srv.Conn) }()
			}
			for range cap(ended) {
				echotest.Within(t, gate.entered)
			}
			if err := call(as(t, "ada"), srv.Conn); err != nil {
				t.Errorf("an authenticated call: %v", err)
			}
			close(gate.open)
			for range cap(ended) {
				if err := echotest.Within(t, ended); status.Code(err) != codes.Unauthenticated {
					t.Errorf("a call without credentials: %v", err)
				}
			}
		})
	}
}

// TestCallersWhoMayNotCallUseUpNoRate sends calls that are rejected, then as many as the rate
// allows.
func TestCallersWhoMayNotCallUseUpNoRate(t *testing.T) {
	for name, key := range map[string]runtime.Rate{"method": {Key: runtime.ByMethod}, "principal": {Key: runtime.ByPrincipal}} {
		for kind, call := range echotest.Kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				rate := runtime.Rate{PerSecond: 0.001, Burst: 2, Key: key.Key}
				p := runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read"}}, Rates: []runtime.Rate{rate}}
				srv := echotest.StartServer(t, func(srv *server.Server) {
					server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(succeed))
				}, authenticated...)
				for range 5 {
					for _, ctx := range []context.Context{echotest.Context(t), as(t, "bad"), as(t, "write")} {
						if code := status.Code(call(ctx, srv.Conn)); code != codes.Unauthenticated && code != codes.PermissionDenied {
							t.Fatalf("a caller who may not call got %v", code)
						}
					}
				}
				for i := range 3 {
					if err := call(as(t, "read"), srv.Conn); (err == nil) != (i < 2) {
						t.Errorf("call %d of a caller who may: %v", i, err)
					}
				}
			})
		}
	}
}

// ledger is a rate limiter that never forgets: for each rate and key, how many calls it counted.
type ledger struct {
	mu     sync.Mutex
	counts map[string]int
}

func (l *ledger) Bind(_ runtime.MethodInfo, rates []runtime.Rate) server.MethodRates {
	return ledgerRates{l, rates}
}

// counted returns the counts that are not 0.
func (l *ledger) counted() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := maps.Clone(l.counts)
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	return counts
}

type ledgerRates struct {
	*ledger
	rates []runtime.Rate
}

// name is "100 ada" for the rate with a burst of 100 and ada's calls.
func (l ledgerRates) name(rate runtime.Rate, caller string) string {
	if rate.Key == runtime.ByMethod {
		caller = ""
	}
	return fmt.Sprintf("%d %s", rate.Burst, caller)
}

func (l ledgerRates) Take(_ context.Context, caller string) (int, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, rate := range l.rates {
		if l.counts[l.name(rate, caller)] == rate.Burst {
			return i, time.Second, nil
		}
	}
	l.add(caller, 1)
	return 0, 0, nil
}

func (l ledgerRates) GiveBack(_ context.Context, caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(caller, -1)
}

func (l ledgerRates) add(caller string, n int) {
	for _, rate := range l.rates {
		l.counts[l.name(rate, caller)] += n
	}
}

// TestARejectedCallUsesUpNothingElse has each check reject a call that the others accept.
func TestARejectedCallUsesUpNothingElse(t *testing.T) {
	rate := func(burst int, key runtime.Rate) runtime.Rate {
		return runtime.Rate{PerSecond: 1, Burst: burst, Key: key.Key}
	}
	peer, principal, method := runtime.Rate{Key: runtime.ByPeer}, runtime.Rate{Key: runtime.ByPrincipal}, runtime.Rate{}
	for name, test := range map[string]struct {
		rates       []runtime.Rate
		concurrency int
		want        map[string]int // after two calls, of which the second one was rejected
	}{
		"the principal's rate": {
			rates: []runtime.Rate{rate(100, method), rate(1, principal)},
			want:  map[string]int{"100 ": 1, "1 ada": 1},
		},
		"the method's rate": {
			rates: []runtime.Rate{rate(1, method), rate(100, principal)},
			want:  map[string]int{"1 ": 1, "100 ada": 1},
		},
		"a second rate of the principal": {
			rates: []runtime.Rate{rate(100, principal), rate(1, principal)},
			want:  map[string]int{"100 ada": 1, "1 ada": 1},
		},
		"a second rate of the peer": {
			rates: []runtime.Rate{rate(100, peer), rate(1, peer)},
			want:  map[string]int{"100 \x00bufconn": 1, "1 \x00bufconn": 1},
		},
		"the peer's rate": {
			rates: []runtime.Rate{rate(100, method), rate(99, principal), rate(1, peer)},
			want:  map[string]int{"100 ": 1, "99 ada": 1, "1 \x00bufconn": 1},
		},
		"the method's rate, after the peer's": { // floods count for their peer, whatever rejects them
			rates: []runtime.Rate{rate(1, method), rate(100, peer)},
			want:  map[string]int{"1 ": 1, "100 \x00bufconn": 2},
		},
		"the concurrency": {
			rates: []runtime.Rate{rate(100, method), rate(99, principal)}, concurrency: 1,
			want: map[string]int{"100 ": 1, "99 ada": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			counts := &ledger{counts: make(map[string]int)}
			gate := newGate()
			p := runtime.Policy{Auth: &runtime.Auth{}, Rates: test.rates, Concurrency: runtime.Concurrency{Limit: test.concurrency}}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(gate.pass))
			}, append([]server.Option{server.WithRateLimiter(counts)}, authenticated...)...)
			first := make(chan error, 1)
			go func() { first <- echotest.Kinds["One"](as(t, "ada"), srv.Conn) }()
			echotest.Within(t, gate.entered)
			code := status.Code(echotest.Kinds["One"](as(t, "ada"), srv.Conn))
			if code != codes.ResourceExhausted && code != codes.Unavailable {
				t.Errorf("the second call got %v", code)
			}
			close(gate.open)
			if err := echotest.Within(t, first); err != nil {
				t.Error(err)
			}
			if got := counts.counted(); !maps.Equal(got, test.want) {
				t.Errorf("counted %v, want %v", got, test.want)
			}
		})
	}
}

// undecided is a rate limiter that cannot decide about calls.
type undecided func(ctx context.Context) error

func (u undecided) Bind(runtime.MethodInfo, []runtime.Rate) server.MethodRates { return u }
func (u undecided) GiveBack(context.Context, string)                           {}
func (u undecided) Take(ctx context.Context, _ string) (int, time.Duration, error) {
	return 0, 0, u(ctx)
}

// TestARateLimiterThatCannotDecide checks what callers receive, for rates of each step.
func TestARateLimiterThatCannotDecide(t *testing.T) {
	for name, test := range map[string]struct {
		limiter undecided
		want    codes.Code
		text    string
	}{
		"an error": {
			func(context.Context) error { return errors.New("dial tcp 10.0.0.7: refused") },
			codes.Unavailable, "the rate of calls cannot be checked; try again later",
		},
		"its own deadline": {
			func(context.Context) error { return context.DeadlineExceeded },
			codes.Unavailable, "the rate of calls cannot be checked; try again later",
		},
		"an error for the caller": {
			func(context.Context) error {
				return rpcerr.ReasonRateLimited.Errorf(codes.ResourceExhausted, "the quota of this month is used up")
			},
			codes.ResourceExhausted, "the quota of this month is used up",
		},
		"the end of the call": {
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			codes.DeadlineExceeded, "",
		},
	} {
		for _, key := range []runtime.Rate{{Key: runtime.ByPeer}, {Key: runtime.ByPrincipal}, {Key: runtime.ByMethod}} {
			p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1, Burst: 1, Key: key.Key}}}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(succeed))
			}, server.WithRateLimiter(test.limiter))
			for kind, call := range echotest.Kinds {
				ctx := echotest.Context(t)
				if test.want == codes.DeadlineExceeded {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
					defer cancel()
				}
				err := call(ctx, srv.Conn)
				if st := status.Convert(err); st.Code() != test.want || test.text != "" && st.Message() != test.text {
					t.Errorf("%s, %v, %s: %v", name, key.Key, kind, err)
				}
			}
		}
	}
}

// binds records the rates of the method One that a rate limiter is bound to.
type binds struct{ rates [][]runtime.Rate }

func (b *binds) Bind(info runtime.MethodInfo, rates []runtime.Rate) server.MethodRates {
	if info.Name == "One" {
		b.rates = append(b.rates, rates)
	}
	return undecided(func(context.Context) error { return nil })
}

// TestRatesOfAStepAreBoundTogether checks that a rate limiter is bound once for each step that has
// rates, whatever their order in the policy.
func TestRatesOfAStepAreBoundTogether(t *testing.T) {
	rate := func(burst int, key runtime.Rate) runtime.Rate {
		return runtime.Rate{PerSecond: 1, Burst: burst, Key: key.Key}
	}
	peer, principal, method := runtime.Rate{Key: runtime.ByPeer}, runtime.Rate{Key: runtime.ByPrincipal}, runtime.Rate{}
	all := []runtime.Rate{rate(1, method), rate(2, peer), rate(3, principal), rate(4, peer), rate(5, principal)}
	for name, test := range map[string]struct {
		rates []runtime.Rate
		want  [][]runtime.Rate
	}{
		"none":           {nil, nil},
		"of one step":    {all[:1], [][]runtime.Rate{all[:1]}},
		"of both steps":  {all, [][]runtime.Rate{{all[1], all[3]}, {all[2], all[4], all[0]}}},
		"of peers alone": {all[1:2], [][]runtime.Rate{all[1:2]}},
	} {
		limiter := new(binds)
		srv := server.New(server.WithRateLimiter(limiter))
		table := echotest.TableWith(runtime.Policy{Rates: test.rates})
		server.Register[echotest.Service](srv, table, echotest.Behaving(succeed))
		if !reflect.DeepEqual(limiter.rates, test.want) {
			t.Errorf("%s: bound to %v, want %v", name, limiter.rates, test.want)
		}
	}
}

// TestCallsThatEndWhileTheyWait has a client cancel a call that waits for its turn.
func TestCallsThatEndWhileTheyWait(t *testing.T) {
	gate := newGate()
	calls := watching{began: make(chan struct{}, 2), ended: make(chan codes.Code, 2)}
	p := runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1, MaxWait: time.Hour}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(gate.pass))
	}, server.WithObservers(calls))
	first := invoke(context.Background(), srv)
	echotest.Within(t, gate.entered)
	echotest.Within(t, calls.began)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	second := invoke(ctx, srv)
	echotest.Within(t, calls.began)
	cancel()
	if code := echotest.Within(t, calls.ended); code != codes.Canceled {
		t.Errorf("the observers see %v, want Canceled", code)
	}
	if err := echotest.Within(t, second); status.Code(err) != codes.Canceled {
		t.Errorf("the caller got %v", err)
	}
	close(gate.open)
	if err := echotest.Within(t, first); err != nil {
		t.Error(err)
	}
}

// watching is an observer that sends when calls begin and end.
type watching struct {
	began chan struct{}
	ended chan codes.Code
}

func (w watching) Bind(runtime.MethodInfo) runtime.MethodObserver { return w }
func (w watching) Begin(ctx context.Context, _ runtime.Call) context.Context {
	w.began <- struct{}{}
	return ctx
}
func (w watching) End(_ context.Context, _ runtime.Call, outcome runtime.Outcome) {
	w.ended <- status.Code(outcome.Err)
}
