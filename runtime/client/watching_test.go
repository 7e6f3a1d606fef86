package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

type (
	endpoints = []resolver.Endpoint
	watch     = client.WatchFunc
)

// grpcSide is what a resolver reports to.
type grpcSide struct {
	resolver.ClientConn
	mu   sync.Mutex
	seen []string
	err  error // of UpdateState
}

func (g *grpcSide) UpdateState(s resolver.State) error {
	text := "servers"
	n := 0
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			text += " " + a.Addr
			if s.Addresses[n].Addr != a.Addr {
				text += " (not in Addresses)"
			}
			n++
		}
	}
	return g.add(text)
}

func (g *grpcSide) ReportError(err error) { _ = g.add(err.Error()) }

func (g *grpcSide) add(text string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, text)
	return g.err
}

// take returns what was reported since the last call.
func (g *grpcSide) take() []string {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := g.seen
	g.seen = nil
	return seen
}

func (g *grpcSide) want(t *testing.T, want ...string) {
	t.Helper()
	if got := g.take(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("grpc got %q, want %q", got, want)
	}
}

// watched returns a resolver of a function until the test ends, and what it reports to. It needs a
// bubble.
func watched(t *testing.T, f watch) (*grpcSide, resolver.Resolver) {
	t.Helper()
	g := new(grpcSide)
	r, err := client.NewResolver("registry", f).Build(
		resolver.Target{URL: url.URL{Scheme: "registry", Path: "/books"}}, g, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return g, r
}

// logged redirects slog's default logger to the result until the test ends.
func logged(t *testing.T) *bytes.Buffer {
	log, before := new(bytes.Buffer), slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

const cannot = `cannot resolve "registry:///books": `

func TestWatchThatReturnsAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		ending func() error
		want   string
	}{
		"nil":      {func() error { return nil }, cannot + "the resolver's function returned without reporting servers"},
		"an error": {func() error { return errors.New("no registry") }, cannot + "no registry"},
		"a panic":  {func() error { panic("oh") }, cannot + "panic: oh"},
		"its end":  {func() error { runtime.Goexit(); return nil }, cannot + "the resolver's function ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logged(t)
				calls := 0
				g, _ := watched(t, func(context.Context, *url.URL, func(endpoints)) error {
					calls++
					return test.ending()
				})
				g.want(t, test.want)
				time.Sleep(time.Hour)
				for _, got := range g.take() {
					if got != test.want {
						t.Fatalf("got %q, want %q", got, test.want)
					}
				}
				// A wait is 15 seconds on average.
				if calls < 120 || calls > 500 {
					t.Errorf("%d calls in an hour", calls)
				}
			})
		})
	}
}

// TestWatchThatLists has a function that reports servers and returns. Its servers remain in use.
func TestWatchThatLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged(t)
		calls := 0
		g, _ := watched(t, func(_ context.Context, _ *url.URL, update func(endpoints)) error {
			update(endpoints{endpoint.New(fmt.Sprintf("a:%d", calls/200))})
			calls++
			return nil
		})
		g.want(t, "servers a:0")
		time.Sleep(599 * time.Second)
		g.want(t, "servers a:1", "servers a:2")
		if calls != 600 {
			t.Errorf("%d calls in ten minutes, want one a second", calls)
		}
		if log.Len() > 0 {
			t.Errorf("logged %s", log)
		}
	})
}

// following returns a function that does what the test sends it, until its context ends: report
// servers or return an error.
func following(steps <-chan any) watch {
	return func(ctx context.Context, _ *url.URL, update func(endpoints)) error {
		for {
			select {
			case step := <-steps:
				if err, ok := step.(error); ok {
					return err
				}
				report := step.(endpoints)
				update(report)
				for i := range report { // which must have been copied
					clear(report[i].Addresses)
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// TestWatchThatLosesItsSource checks that the last servers remain in use, and what is logged.
func TestWatchThatLosesItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, steps := logged(t), make(chan any)
		g, _ := watched(t, following(steps))
		steps <- endpoints{endpoint.New("a:1"), endpoint.New("b:1")}
		g.want(t, "servers a:1 b:1")
		for range 5 {
			steps <- errors.New("registry is away")
		}
		g.want(t)
		steps <- errors.New("registry is still away")
		steps <- endpoints{endpoint.New("a:1"), endpoint.New("b:1")}
		g.want(t)
		steps <- errors.New("registry is still away")
		steps <- endpoints{endpoint.New("b:1")}
		g.want(t, "servers b:1")
		for text, want := range map[string]int{
			`level=WARN msg="cannot resolve a target; the servers known before remain in use" ` +
				`target=registry:///books error="registry is away" servers=2`: 1,
			`error="registry is still away" servers=2`:                                       2,
			`level=INFO msg="a target is resolved again" target=registry:///books servers=2`: 1,
			`level=INFO msg="a target is resolved again" target=registry:///books servers=1`: 1,
			"\n": 5,
		} {
			if n := strings.Count(log.String(), text); n != want {
				t.Errorf("%d times %q, want %d, in\n%s", n, text, want, log)
			}
		}
	})
}

// TestWatchReports has reports that are empty, nil, doubled, unchanged or changed later.
func TestWatchReports(t *testing.T) {
	const none = cannot + "it has no servers"
	two := func() resolver.Endpoint { return endpoint.New("[::1]:1", "127.0.0.1:1") }
	inZone := func() resolver.Endpoint { return endpoint.WithZone(endpoint.New("a:1"), "x") }
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan any)
		g, _ := watched(t, following(steps))
		for i, step := range []struct {
			report endpoints
			want   []string
		}{
			{nil, []string{"servers", none}},
			{endpoints{}, []string{none}},
			{endpoints{{}}, []string{none}},
			{endpoints{endpoint.New("a:1"), endpoint.New("a:1"), {}}, []string{"servers a:1"}},
			{endpoints{endpoint.New("a:1")}, nil},
			{endpoints{endpoint.New("b:1"), endpoint.New("a:1")}, []string{"servers b:1 a:1"}},
			{endpoints{endpoint.New("b:1"), inZone()}, []string{"servers b:1 a:1"}},
			{endpoints{endpoint.New("b:1"), inZone()}, nil},
			{endpoints{}, []string{"servers", none}},
			{endpoints{endpoint.New("b:1")}, []string{"servers b:1"}},
			{endpoints{two(), endpoint.New("127.0.0.1:1", "[::1]:1")}, []string{"servers [::1]:1 127.0.0.1:1"}},
		} {
			steps <- step.report
			if got := g.take(); strings.Join(got, "\n") != strings.Join(step.want, "\n") {
				t.Errorf("report %d: grpc got %q, want %q", i, got, step.want)
			}
		}
		// What a balancer rejects is passed again, also if it is the same.
		g.err = errors.New("bad state")
		steps <- endpoints{endpoint.New("c:1")}
		g.want(t, "servers c:1")
		g.err = nil
		steps <- endpoints{endpoint.New("c:1")}
		g.want(t, "servers c:1")
	})
}

// TestWatchThatIgnoresItsEnd has a function that reports after it returned, blocks, and reports
// after Close.
func TestWatchThatIgnoresItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var updates []func(endpoints)
		g, r := watched(t, func(_ context.Context, _ *url.URL, update func(endpoints)) error {
			updates = append(updates, update)
			update(endpoints{endpoint.New(fmt.Sprintf("a:%d", len(updates)))})
			if len(updates) == 2 {
				<-release
				update(endpoints{endpoint.New("late:1")})
			}
			return nil
		})
		time.Sleep(time.Minute)
		g.want(t, "servers a:1", "servers a:2")
		updates[0](endpoints{endpoint.New("stale:1")})
		g.want(t)
		r.Close()
		r.ResolveNow(resolver.ResolveNowOptions{})
		close(release)
		updates[1](endpoints{endpoint.New("stale:2")})
		time.Sleep(time.Hour)
		g.want(t)
		if len(updates) != 2 {
			t.Errorf("%d calls, want none after Close", len(updates))
		}
	})
}

// TestResolveNowStorm checks that requests of grpc shorten a wait, but not below a second.
func TestResolveNowStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged(t)
		calls := 0
		_, r := watched(t, func(context.Context, *url.URL, func(endpoints)) error {
			calls++
			return errors.New("no registry")
		})
		time.Sleep(10 * time.Minute) // the waits are long now
		synctest.Wait()
		calls = 0
		for range 100_000 {
			r.ResolveNow(resolver.ResolveNowOptions{})
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if calls < 60 || calls > 110 { // some waits are less than a second
			t.Errorf("%d calls in 100 seconds", calls)
		}
	})
}

// TestWatchThatIsSilent checks that calls do not wait forever.
func TestWatchThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan any)
		g, _ := watched(t, following(steps))
		time.Sleep(9 * time.Second)
		g.want(t)
		time.Sleep(time.Second)
		g.want(t, cannot+"no servers were reported within 10s")
		steps <- endpoints{endpoint.New("a:1")}
		g.want(t, "servers a:1")
		time.Sleep(time.Hour)
		g.want(t)
	})
}

// TestManyUpdatesAndClose is for the race detector.
func TestManyUpdatesAndClose(t *testing.T) {
	for range 50 {
		g := new(grpcSide)
		r, err := client.NewResolver("registry", func(ctx context.Context, _ *url.URL, update func(endpoints)) error {
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					for range 20 {
						update(endpoints{endpoint.New(fmt.Sprintf("a:%d", i))})
					}
				})
			}
			all.Wait()
			return nil
		}).Build(resolver.Target{URL: url.URL{Scheme: "registry"}}, g, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { r.ResolveNow(resolver.ResolveNowOptions{}) })
		}
		all.Go(r.Close)
		all.Wait()
	}
}
