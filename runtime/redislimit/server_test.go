package redislimit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// byName authenticates callers that send a name.
var byName = server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	name := metadata.ValueFromIncomingContext(ctx, "name")
	if len(name) == 0 {
		return nil, nil
	}
	return runtime.NewPrincipal(name[0]), nil
})

func as(t *testing.T, name string) context.Context {
	return metadata.NewOutgoingContext(echotest.Context(t), metadata.Pairs("name", name))
}

// replicas starts servers with a policy, each with its own limiter.
func replicas(t *testing.T, s *redistest.Server, n int, p runtime.Policy, impl echotest.Service) (all []*echotest.Running) {
	for range n {
		l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
		all = append(all, echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(p), impl)
		}, server.WithAuthenticator(byName), server.WithRateLimiter(l)))
	}
	return all
}

// TestServers has replicas share the rates of RPCs of all kinds.
func TestServers(t *testing.T) {
	s := redistest.Start(t)
	all := replicas(t, s, 2, runtime.Policy{Auth: &runtime.Auth{}, Rates: []runtime.Rate{
		{PerSecond: slow, Burst: 4, Key: runtime.ByPrincipal},
		{PerSecond: slow, Burst: 6},
	}}, echotest.Behaving(func(context.Context) error { return nil }))
	for kind, call := range echotest.Kinds {
		count := map[string]int{}
		for i := range 8 {
			for _, name := range []string{"ada", "bob"} {
				err := call(as(t, name), all[i%2].Conn)
				switch status.Code(err) {
				case codes.OK:
					count[name]++
				case codes.ResourceExhausted:
				default:
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
		if count["ada"] != 3 || count["bob"] != 3 {
			t.Errorf("%s: %v calls are served, want 6 together, in turns", kind, count)
		}
	}
}

// TestPeersAreCountedFirst checks how many requests calls with rates of both steps cost.
func TestPeersAreCountedFirst(t *testing.T) {
	s := redistest.Start(t)
	all := replicas(t, s, 1, runtime.Policy{Auth: &runtime.Auth{}, Rates: []runtime.Rate{
		{PerSecond: 1e6, Burst: 1e6, Key: runtime.ByPrincipal},
		{PerSecond: slow, Burst: 20, Key: runtime.ByPeer},
		{PerSecond: 1e6, Burst: 1e6},
	}}, echotest.Behaving(func(context.Context) error { return nil }))
	call := echotest.Kinds["One"]
	if err := call(as(t, "ada"), all[0].Conn); err != nil {
		t.Fatal(err)
	}
	s.Do("CONFIG", "RESETSTAT")
	for range 10 {
		if err := call(as(t, "ada"), all[0].Conn); err != nil {
			t.Error(err)
		}
	}
	if n := s.Calls("evalsha"); n != 20 {
		t.Errorf("%d requests for 10 calls, want two for each", n)
	}
	for range 9 {
		if err := call(echotest.Context(t), all[0].Conn); status.Code(err) != codes.Unauthenticated {
			t.Error(err)
		}
	}
	if err := call(as(t, "ada"), all[0].Conn); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the 21st call of a peer: %v", err)
	}
}

// TestConcurrencyGivesBack checks that calls that the concurrency limit rejects are not counted.
func TestConcurrencyGivesBack(t *testing.T) {
	s := redistest.Start(t)
	entered, release := make(chan struct{}), make(chan struct{})
	all := replicas(t, s, 1, runtime.Policy{
		Rates:       []runtime.Rate{{PerSecond: slow, Burst: 5}},
		Concurrency: runtime.Concurrency{Limit: 1},
		Auth:        &runtime.Auth{},
	}, echotest.Behaving(func(context.Context) error { entered <- struct{}{}; <-release; return nil }))
	call := echotest.Kinds["One"]
	first := make(chan error, 1)
	go func() { first <- call(as(t, "ada"), all[0].Conn) }()
	echotest.Within(t, entered)
	for i := range 30 {
		if err := call(as(t, fmt.Sprint(i)), all[0].Conn); status.Code(err) == codes.OK {
			t.Error("two calls at a time")
		}
	}
	used := func() time.Duration {
		return time.Duration(s.Do("PTTL", "ratelimit:{test.v1.Echo/One}:m0").(int64)) * time.Millisecond
	}
	redistest.Until(t, "the calls are given back", func() bool { return used() <= time.Hour+time.Minute })
	if got := used(); got < 59*time.Minute {
		t.Errorf("the bucket is full in %v; want the first call to count", got)
	}
	close(release)
	if err := echotest.Within(t, first); err != nil {
		t.Error(err)
	}
}
