package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// watcher notes the ends of calls and their attempts. It sends its name to the server.
type watcher struct {
	name string

	mu    sync.Mutex
	bound []string
	begun int
	ends  []string
	tries []int
}

func (w *watcher) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound = append(w.bound, info.FullMethod)
	return w
}

func (w *watcher) Begin(ctx context.Context, _ runtime.Call) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
	return metadata.AppendToOutgoingContext(ctx, "x-watcher", w.name)
}

func (w *watcher) End(ctx context.Context, call runtime.Call, outcome runtime.Outcome) {
	md, _ := metadata.FromOutgoingContext(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, fmt.Sprintf("%s %s %v sent %d received %d, id %v",
		call.Method().Name, call.Method().Kind, status.Code(outcome.Err), call.Sent(), call.Received(),
		call.RequestID() != "" && call.RequestID() == md.Get("x-request-id")[0]))
}

func (w *watcher) Attempt(_ context.Context, _ runtime.Call, number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries = append(w.tries, number)
}

// take returns what was noted since the last time.
func (w *watcher) take() (ends []string, tries []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends, tries = w.ends, w.tries
	w.ends, w.tries = nil, nil
	return ends, tries
}

// observedConn serves impl and dials it with observers.
func observedConn(t *testing.T, impl echotest.Service, opts ...client.Option) *client.Conn {
	t.Helper()
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	conn, err := client.Dial(echotest.ListenAndServe(t, srv), append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestObserversSeeEachCall(t *testing.T) {
	servicetest.NoLeaks(t)
	var sent atomic.Pointer[[]string]
	impl := echotest.Behaving(func(ctx context.Context) error {
		names := metadata.ValueFromIncomingContext(ctx, "x-watcher")
		sent.Store(&names)
		return nil
	})
	first, second := &watcher{name: "first"}, &watcher{name: "second"}
	conn := observedConn(t, impl, client.WithObservers(first), client.WithObservers(second))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	for name, test := range map[string]struct {
		call func() error
		want string
	}{
		"One":  {func() error { _, err := stub.One(ctx, echotest.TenBytes); return err }, "One unary OK sent 1 received 1"},
		"Many": {func() error { return drain(stub.Many(ctx, echotest.TenBytes)) }, "Many server_stream OK sent 1 received 1"},
		"Join": {func() error { _, err := stub.Join(ctx, echotest.Texts("a", "b")); return err }, "Join client_stream OK sent 2 received 1"},
		"Chat": {func() error { return drain(stub.Chat(ctx, echotest.Texts("a", "b"))) }, "Chat bidi_stream OK sent 2 received 1"},
	} {
		if err := test.call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range []*watcher{first, second} {
			if ends, _ := w.take(); !slices.Equal(ends, []string{test.want + ", id true"}) {
				t.Errorf("%s: observed %q", name, ends)
			}
		}
		if got := *sent.Load(); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("%s: the server received %q", name, got)
		}
	}
	if len(first.bound) != 4 {
		t.Errorf("bound %q, want each method once", first.bound)
	}
}

func drain(s runtime.Stream[echotest.Text]) error {
	for _, err := range s {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestObserversSeeHowCallsEnd ends calls in other ways than by the method.
func TestObserversSeeHowCallsEnd(t *testing.T) {
	servicetest.NoLeaks(t)
	w := new(watcher)
	conn := observedConn(t, echotest.Behaving(func(context.Context) error {
		return status.Error(codes.NotFound, "no such book")
	}), client.WithObservers(w))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	failing := runtime.Fail[echotest.Text](errors.New("no more requests"))
	for name, test := range map[string]struct {
		call func()
		want string
	}{
		"failed unary":         {func() { _, _ = stub.One(ctx, echotest.TenBytes) }, "One unary NotFound sent 0 received 0"},
		"failed stream":        {func() { _ = drain(stub.Many(ctx, echotest.TenBytes)) }, "Many server_stream NotFound sent 1 received 0"},
		"canceled unary":       {func() { _, _ = stub.One(gone, echotest.TenBytes) }, "One unary Canceled sent 0 received 0"},
		"canceled stream":      {func() { _ = drain(stub.Chat(gone, echotest.Texts("a"))) }, "Chat bidi_stream Canceled sent 0 received 0"},
		"requests that failed": {func() { _, _ = stub.Join(ctx, failing) }, "Join client_stream Unknown sent 0 received 0"},
		"a panic": {func() {
			defer func() { _ = recover() }()
			_, _ = stub.Join(ctx, func(func(*echotest.Text, error) bool) { panic("requests") })
		}, "Join client_stream Canceled sent 0 received 0"},
	} {
		test.call()
		if ends, _ := w.take(); !slices.Equal(ends, []string{test.want + ", id true"}) {
			t.Errorf("%s: observed %q, want %q", name, ends, test.want)
		}
	}
}

// TestObserversSeeConsumersThatStop breaks out of streams.
func TestObserversSeeConsumersThatStop(t *testing.T) {
	servicetest.NoLeaks(t)
	w := new(watcher)
	endless := func(ctx context.Context) runtime.Stream[echotest.Text] {
		return func(yield func(*echotest.Text, error) bool) {
			for yield(echotest.TenBytes, nil) {
			}
		}
	}
	conn := observedConn(t, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *echotest.Text) runtime.Stream[echotest.Text] { return endless(ctx) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[echotest.Text]) runtime.Stream[echotest.Text] {
			return endless(ctx)
		},
	}, client.WithObservers(w))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	for name, s := range map[string]runtime.Stream[echotest.Text]{
		"Many server_stream": stub.Many(ctx, echotest.TenBytes), "Chat bidi_stream": stub.Chat(ctx, echotest.Texts("a")),
	} {
		n := 0
		for range s {
			if n++; n == 2 {
				break
			}
		}
		if ends, _ := w.take(); !slices.Equal(ends, []string{name + " Canceled sent 1 received 2, id true"}) {
			t.Errorf("observed %q", ends)
		}
	}
}

// TestObserversOfOtherClients calls the server as clients of other generators do.
func TestObserversOfOtherClients(t *testing.T) {
	servicetest.NoLeaks(t)
	w := new(watcher)
	conn := observedConn(t, echotest.Behaving(func(context.Context) error { return nil }), client.WithObservers(w))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // for a thousand calls
	defer cancel()
	ctx = client.WithCallOptions(ctx)
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	var ends []string
	call := func(path string) {
		_ = conn.Invoke(metadata.AppendToOutgoingContext(ctx, "x-request-id", "1"), path, echotest.TenBytes, new(echotest.Text))
		more, _ := w.take()
		ends = append(ends, more...)
	}
	call("/test.v1.Echo/One")
	call("/test.v1.Echo/None")
	cs, err := conn.NewStream(metadata.AppendToOutgoingContext(ctx, "x-request-id", "1"), desc, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cs.SendMsg(echotest.TenBytes), cs.CloseSend(), cs.RecvMsg(new(echotest.Text))); err != nil {
		t.Fatal(err)
	}
	if err := echotest.EndOf(cs.RecvMsg(new(echotest.Text))); err != nil {
		t.Fatal(err)
	}
	more, _ := w.take()
	ends = append(ends, more...)
	desc = &grpc.StreamDesc{ClientStreams: true}
	cs, err = conn.NewStream(metadata.AppendToOutgoingContext(ctx, "x-request-id", "1"), desc, "/test.v1.Echo/Join")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cs.SendMsg(echotest.TenBytes), cs.CloseSend(), cs.RecvMsg(new(echotest.Text))); err != nil {
		t.Fatal(err)
	}
	more, _ = w.take()
	ends = append(ends, more...)
	want := []string{
		"One unary OK sent 1 received 1, id true", "None unary Unimplemented sent 0 received 0, id true",
		"Chat bidi_stream OK sent 1 received 1, id true",
		"Join client_stream OK sent 1 received 1, id true",
	}
	if !slices.Equal(ends, want) {
		t.Errorf("observed %q, want %q", ends, want)
	}
	for i := range 1010 {
		call(fmt.Sprint("/a.B/", i))
	}
	call("no path")
	if last := ends[len(ends)-1]; last != "unknown unary Internal sent 0 received 0, id true" && last != "unknown unary Unimplemented sent 0 received 0, id true" {
		t.Errorf("the last call is observed as %q", last)
	}
	if len(w.bound) > 1100 {
		t.Errorf("%d methods are bound", len(w.bound))
	}
}

// TestObserversSeeAttempts counts retries of grpc and hedges.
func TestObserversSeeAttempts(t *testing.T) {
	servicetest.NoLeaks(t)
	w := new(watcher)
	retried, hedged := echotest.TableWith(echotest.RetryQuickly), echotest.TableWith(runtime.Policy{
		Idempotency: runtime.NoSideEffects, Hedging: runtime.Hedging{MaxAttempts: 3, NonFatalCodes: []string{"UNAVAILABLE"}},
	})
	ctx := echotest.Context(t)
	credentials := client.WithCallOptions(ctx, grpc.PerRPCCredentials(header{"x-key": "secret"}))
	for name, test := range map[string]struct {
		table *runtime.Service[echotest.Service]
		ctx   context.Context
	}{"retries": {retried, ctx}, "hedges": {hedged, ctx}, "retries with credentials": {retried, credentials}} {
		var calls atomic.Int64 // of this case: a hedge may arrive after the call has returned
		impl := echotest.Behaving(func(context.Context) error {
			if calls.Add(1)%3 != 0 {
				return status.Error(codes.Unavailable, "later")
			}
			return nil
		})
		conn := observedConn(t, impl, client.WithObservers(w), client.WithServiceConfig(retried))
		stub := echotest.Client{Rows: echotest.RowsOf(test.table, conn)}
		if _, err := stub.One(test.ctx, echotest.TenBytes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ends, tries := w.take()
		if len(ends) != 1 || !slices.Equal(tries, []int{2, 3}) {
			t.Errorf("%s: attempts %v, ends %q", name, tries, ends)
		}
	}
}

// header is metadata that is sent as credentials.
type header map[string]string

func (h header) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return h, nil
}

func (header) RequireTransportSecurity() bool { return false }

// broken panics wherever it can.
type broken struct{}

func (broken) Bind(runtime.MethodInfo) runtime.MethodObserver      { return broken{} }
func (broken) Begin(context.Context, runtime.Call) context.Context { panic("begin") }
func (broken) End(context.Context, runtime.Call, runtime.Outcome)  { panic("end") }
func (broken) Attempt(_ context.Context, _ runtime.Call, n int)    { panic(n) }

// unbound panics before it observes anything.
type unbound struct{}

func (unbound) Bind(runtime.MethodInfo) runtime.MethodObserver { panic("bind") }

// TestBrokenObserversFailNoCall calls each kind with observers that panic before and after another.
func TestBrokenObserversFailNoCall(t *testing.T) {
	servicetest.NoLeaks(t)
	w, log, before := new(watcher), new(echotest.Records), slog.Default()
	slog.SetDefault(log.Logger(slog.LevelError))
	defer slog.SetDefault(before)
	conn := observedConn(t, echotest.Behaving(func(context.Context) error { return nil }),
		client.WithObservers(broken{}, w, broken{}, unbound{}))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	_, err := stub.One(ctx, echotest.TenBytes)
	_, failed := stub.Join(ctx, echotest.Texts("a"))
	if err := errors.Join(err, failed, drain(stub.Many(ctx, echotest.TenBytes)), drain(stub.Chat(ctx, echotest.Texts("a")))); err != nil {
		t.Error(err)
	}
	if ends, _ := w.take(); len(ends) != 4 {
		t.Errorf("observed %q, want all four calls", ends)
	}
	var panicked []string
	for _, record := range log.Named(t, "panic") {
		panicked = append(panicked, fmt.Sprint(record["observer"], record["not_logged"]))
	}
	slices.Sort(panicked)
	if want := []string{"client_test.broken0", "client_test.broken0", "client_test.unbound0"}; !slices.Equal(panicked, want) {
		t.Errorf("logged %q, want %q", panicked, want)
	}
	if _, err := client.Dial("localhost:1", client.WithInsecure(), client.WithObservers(w, nil)); err == nil {
		t.Error("a nil observer is accepted")
	}
	if _, err := client.Dial("localhost:1", client.WithInsecure(), client.WithObservers((*watcher)(nil))); err == nil {
		t.Error("a nil watcher is accepted")
	}
}

// targeted is an observer that notes the target of the connection.
type targeted struct {
	*watcher
	target string
}

func (w *targeted) BindTarget(target string, info runtime.MethodInfo) runtime.MethodObserver {
	w.target = target
	return w.Bind(info)
}

func TestTargetObserversKnowTheTarget(t *testing.T) {
	w := &targeted{watcher: &watcher{name: "targeted"}}
	conn := observedConn(t, echotest.Funcs{}, client.WithObservers(w))
	client.Bind(conn, echotest.Table.Methods()[0])
	if w.target == "" || w.target != conn.CanonicalTarget() {
		t.Errorf("the target is %q, want %q", w.target, conn.CanonicalTarget())
	}
	if want := []string{"/" + echotest.Table.Name() + "/One"}; !slices.Equal(w.bound, want) {
		t.Errorf("bound %q, want %q: once", w.bound, want)
	}
}
