package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// companion records what happens to it.
type companion struct {
	name    string
	journal *journal
	start   func(ctx context.Context, s *server.Server) error
	stop    func(ctx context.Context) error
}

type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

func (c companion) Start(ctx context.Context, s *server.Server) (func(context.Context) error, error) {
	c.journal.add("start " + c.name)
	if c.start != nil {
		if err := c.start(ctx, s); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		c.journal.add("stop " + c.name)
		if c.stop != nil {
			return c.stop(ctx)
		}
		return nil
	}, nil
}

// serveBriefly serves with companions, and requests a shutdown at once.
func serveBriefly(t *testing.T, opts ...server.Option) error {
	t.Helper()
	opts = append(opts, server.WithDrainDelay(0), server.WithLogger(new(echotest.Records).Logger(0)))
	srv := server.New(opts...)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		// Serve may return just before it is closed. Accept must not wait for one that stays open.
		_ = lis.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := lis.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener is not closed: %v", err)
		}
	}()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, "main"))
	cancel()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	return echotest.Within(t, served)
}

type valueKey struct{}

func TestCompanionsFailInAnyWay(t *testing.T) {
	all := []string{"start a", "start b", "stop b", "stop a"}
	for name, test := range map[string]struct {
		start   func(context.Context, *server.Server) error
		stop    func(context.Context) error
		want    string
		entries []string
	}{
		"works": {entries: all},
		"has the values of Serve's context": {entries: all, start: func(ctx context.Context, _ *server.Server) error {
			if ctx.Value(valueKey{}) != "main" || ctx.Err() != nil {
				return errors.New("another context")
			}
			return nil
		}},
		"cannot start": {entries: []string{"start a", "start b", "stop a"}, want: "cannot start server_test.companion: the address is taken",
			start: func(context.Context, *server.Server) error { return errors.New("the address is taken") }},
		"panics at its start": {entries: []string{"start a", "start b", "stop a"}, want: "cannot start server_test.companion: panic: boom",
			start: func(context.Context, *server.Server) error { panic("boom") }},
		"ends its goroutine at its start": {entries: []string{"start a", "start b", "stop a"}, want: "ended its goroutine",
			start: func(context.Context, *server.Server) error { goruntime.Goexit(); return nil }},
		"returns when it must": {entries: []string{"start a", "start b", "stop a"}, want: "cannot start server_test.companion: context canceled",
			start: func(ctx context.Context, _ *server.Server) error { <-ctx.Done(); return ctx.Err() }},
		"cannot stop": {entries: all, want: "cannot stop server_test.companion: stuck",
			stop: func(context.Context) error { return errors.New("stuck") }},
		"panics at its end":    {entries: all, want: "panic: boom", stop: func(context.Context) error { panic("boom") }},
		"leaves its goroutine": {entries: all, want: "ended its goroutine", stop: func(context.Context) error { goruntime.Goexit(); return nil }},
		"takes all its time":   {entries: all, want: "deadline exceeded", stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			err := serveBriefly(t, server.WithCompanions(companion{name: "a", journal: &j},
				companion{name: "b", journal: &j, start: test.start, stop: test.stop}))
			if got := j.all(); !slices.Equal(got, test.entries) {
				t.Errorf("got %v, want %v", got, test.entries)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Serve returned %v, want %q", err, test.want)
			}
		})
	}
}

// TestCompanionThatHangs checks that the server returns although a companion ignores its context.
func TestCompanionThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var j journal
	err := serveBriefly(t, server.WithCompanions(companion{name: "a", journal: &j, stop: func(context.Context) error { <-release; return nil }}))
	if err == nil || !strings.Contains(err.Error(), "it has not returned although its context has ended") {
		t.Errorf("Serve returned %v", err)
	}
}

// TestCompanionThatDoesNotStart checks that a shutdown ends the wait for a companion whose Start
// hangs, and that the companion is stopped if it starts late.
func TestCompanionThatDoesNotStart(t *testing.T) {
	release, stopped := make(chan struct{}), make(chan struct{})
	var j journal
	err := serveBriefly(t, server.WithCompanions(companion{name: "a", journal: &j,
		start: func(context.Context, *server.Server) error { <-release; return nil },
		stop:  func(ctx context.Context) error { defer close(stopped); return ctx.Err() },
	}))
	if err == nil || !strings.Contains(err.Error(), "its Start has not returned, and the server is shut down") {
		t.Errorf("Serve returned %v", err)
	}
	close(release)
	echotest.Within(t, stopped)
}

// TestCompanionsOfAForcedShutdown checks that a second signal does not wait for companions.
func TestCompanionsOfAForcedShutdown(t *testing.T) {
	var j journal
	var forced context.Context
	stop := func(ctx context.Context) error { <-ctx.Done(); forced = ctx; return nil }
	srv := echotest.Start(t, echotest.Behaving(succeed), server.WithCompanions(companion{name: "a", journal: &j, stop: stop}),
		server.WithDrainDelay(0))
	wait(t, "it serves", func() bool { return srv.Server.Status().State == server.StateServing })
	srv.Server.GRPC().Stop()
	if err := forced.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("the context of stop ended with %v", err)
	}
}

// TestCompanionOfTwoServers checks that a value may accompany several servers of a process, each
// for its own life.
func TestCompanionOfTwoServers(t *testing.T) {
	var j journal
	var servers []*server.Server
	shared := companion{name: "a", journal: &j, start: func(_ context.Context, s *server.Server) error {
		servers = append(servers, s)
		return nil
	}}
	first := echotest.Start(t, echotest.Behaving(succeed), server.WithCompanions(shared), server.WithDrainDelay(0))
	wait(t, "the first serves", func() bool { return first.Server.Status().State == server.StateServing })
	second := echotest.Start(t, echotest.Behaving(succeed), server.WithCompanions(shared), server.WithDrainDelay(0))
	wait(t, "the second serves", func() bool { return second.Server.Status().State == server.StateServing })
	if err := first.Server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if got := j.all(); !slices.Equal(got, []string{"start a", "start a", "stop a"}) || second.Server.Status().State != server.StateServing {
		t.Errorf("got %v, the other server is %v", got, second.Server.Status().State)
	}
	if err := second.Server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if got := j.all(); len(got) != 4 || len(servers) != 2 || servers[0] == servers[1] {
		t.Errorf("got %v of %d servers", got, len(servers))
	}
}

// page is a companion as a user writes one: an HTTP server on a separate address.
type page struct {
	addr string
	told chan string // the address that it has; nil if nobody asks
}

func (p page) Start(ctx context.Context, s *server.Server) (func(context.Context) error, error) {
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, s.Status().State.String())
	})}
	go srv.Serve(lis) // returns when it is shut down
	if p.told != nil {
		p.told <- lis.Addr().String()
	}
	return srv.Shutdown, nil
}

// TestPageDuringTheLifeOfAServer reads a page while the server serves and drains, and holds that
// two servers cannot have it at one address.
func TestPageDuringTheLifeOfAServer(t *testing.T) {
	told := make(chan string, 1)
	var addr string
	get := func() string {
		client := &http.Client{
			Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		}
		resp, err := client.Get("http://" + addr)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		return string(body)
	}
	gate := newGate()
	srv := echotest.Start(t, echotest.Behaving(gate.pass), server.WithDrainDelay(0),
		server.WithCompanions(page{"127.0.0.1:0", told}))
	addr = echotest.Within(t, told)
	called := make(chan error, 1)
	go func() { called <- echotest.Kinds["One"](context.Background(), srv.Conn) }()
	echotest.Within(t, gate.entered)
	if got := get(); got != "serving" {
		t.Errorf("the page shows %s", got)
	}
	if err := serveBriefly(t, server.WithCompanions(page{addr: addr})); err == nil || !strings.Contains(err.Error(), "cannot start server_test.page: listen tcp") {
		t.Errorf("a second server with the address returned %v", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Server.Shutdown(context.Background()) }()
	wait(t, "the page shows the drain", func() bool { return get() == "draining" })
	close(gate.open)
	if err := errors.Join(echotest.Within(t, stopped), echotest.Within(t, called)); err != nil {
		t.Error(err)
	}
	if got := get(); got == "draining" || got == "stopped" {
		t.Errorf("after the shutdown the page shows %s", got)
	}
}

// TestNoHealthWithoutCompanions checks that a server whose companion cannot start leaves no address
// behind, and that it counts as stopped.
func TestNoHealthWithoutCompanions(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	lis.Close()
	var j journal
	var srv *server.Server
	fail := companion{name: "a", journal: &j, start: func(_ context.Context, s *server.Server) error { srv = s; return errors.New("no") }}
	if err := serveBriefly(t, server.WithHealthAddr(addr), server.WithCompanions(fail)); err == nil {
		t.Error("a server without its companion has served")
	}
	if err := srv.Shutdown(echotest.Context(t)); err == nil || err.Error() != "cannot start server_test.companion: no" {
		t.Errorf("Shutdown returned %v", err)
	}
	if lis, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	lis.Close()
}

// TestCompanionsStayDuringTheDrain checks that a companion is stopped after the last call.
func TestCompanionsStayDuringTheDrain(t *testing.T) {
	gate := newGate()
	var j journal
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		err := gate.pass(ctx)
		j.add("call")
		return err
	}), server.WithCompanions(companion{name: "a", journal: &j}), server.WithDrainDelay(0))
	called := make(chan error, 1)
	go func() { called <- echotest.Kinds["One"](context.Background(), srv.Conn) }()
	echotest.Within(t, gate.entered)
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Server.Shutdown(context.Background()) }()
	time.Sleep(10 * time.Millisecond) // so that a companion that is stopped too early is noticed
	close(gate.open)
	if err := echotest.Within(t, stopped); err != nil {
		t.Error(err)
	}
	if err := echotest.Within(t, called); err != nil {
		t.Error(err)
	}
	if got := j.all(); !slices.Equal(got, []string{"start a", "call", "stop a"}) {
		t.Errorf("got %v", got)
	}
}

func TestCompanionsOfNothing(t *testing.T) {
	if err := serveBriefly(t, server.WithCompanions(nil)); err == nil || !strings.Contains(err.Error(), "companion 1 is nil") {
		t.Error(err)
	}
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "On serves nothing") {
			t.Errorf("On panicked with %v", err)
		}
	}()
	server.On(nil, server.WithCompanions(companion{}))
}
