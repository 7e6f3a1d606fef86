package grpcprom_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// kinds are the kinds of the methods of the echo service.
var kinds = map[string]string{
	"One": "unary", "Many": "server_stream", "Join": "client_stream", "Chat": "bidi_stream",
}

// end is how calls end: what they return, and what is counted of them on both ends.
type end struct {
	do       func(context.Context) error
	opts     []server.Option
	table    *runtime.Service[echotest.Service]
	code     codes.Code
	step     string // that rejects the call
	reason   rpcerr.Reason
	received map[string]float64 // requests, by method; nil is one of each
	sent     float64            // responses
}

func ends() map[string]end {
	none := map[string]float64{}
	return map[string]end{
		"OK":     {do: func(context.Context) error { return nil }, sent: 1},
		"error":  {do: func(context.Context) error { return status.Error(codes.NotFound, "no") }, code: codes.NotFound},
		"plain":  {do: func(context.Context) error { return errors.New("no") }, code: codes.Unknown},
		"panic":  {do: func(context.Context) error { panic("no") }, code: codes.Internal},
		"custom": {do: func(context.Context) error { return status.Error(77, "no") }, code: codes.Unknown},
		"unauthenticated": {
			opts: []server.Option{server.WithAuthenticator(server.AuthenticateFunc(
				func(context.Context) (*runtime.Principal, error) { return nil, nil }))},
			table: echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}),
			code:  codes.Unauthenticated, received: none,
			step: "authenticate", reason: rpcerr.ReasonUnauthenticated,
		},
		"too large": {
			table: echotest.TableWith(runtime.Policy{MaxRequestBytes: 1}),
			code:  codes.ResourceExhausted, step: "size", reason: rpcerr.ReasonRequestTooLarge,
		},
	}
}

// TestCalls ends calls of all kinds in all ways, and compares both ends with what has happened.
func TestCalls(t *testing.T) {
	for name, end := range ends() {
		for method, kind := range kinds {
			t.Run(name+"/"+method, func(t *testing.T) {
				servicetest.NoLeaks(t)
				metrics := grpcprom.New()
				callOnce(t, metrics, method, end)
				got := series(t, metrics)
				code := fmt.Sprintf("grpc_code=%q", end.code)
				for key, value := range map[string]float64{
					call("grpc_server_started_total", kind, method):       1,
					call("grpc_server_handled_total", kind, method, code): 1,
					call("grpc_server_handling_seconds", kind, method):    1,
					call("grpc_server_msg_sent_total", kind, method):      end.sent,
					call("grpc_client_started_total", kind, method):       1,
					call("grpc_client_handled_total", kind, method, code): 1,
					call("grpc_client_handling_seconds", kind, method):    1,
					call("grpc_client_msg_received_total", kind, method):  end.sent,
					"grpcservice_server_unknown_methods_total{}":          0,
					rejected(method, end.step, end.reason):                oneIf(end.step != ""),
				} {
					if got[key] != value {
						t.Errorf("%s is %v, want %v", key, got[key], value)
					}
				}
				if end.received != nil && got[call("grpc_server_msg_received_total", kind, method)] != 0 {
					t.Error("the request of a rejected call is counted")
				}
				checkSum(t, got, "grpc_server_handled_total")
			})
		}
	}
}

// checkSum holds that exactly one series of a metric counts the call.
func checkSum(t *testing.T, got map[string]float64, name string) {
	t.Helper()
	sum := 0.0
	for key, value := range got {
		if len(key) > len(name) && key[:len(name)+1] == name+"{" {
			sum += value
		}
	}
	if sum != 1 {
		t.Errorf("the series of %s add up to %v, want 1", name, sum)
	}
}

// rejected is the series of rejected calls of a method.
func rejected(method, step string, reason rpcerr.Reason) string {
	return fmt.Sprintf(`grpcservice_server_rejected_total{grpc_method=%q,grpc_service="test.v1.Echo",reason=%q,step=%q}`,
		method, reason, step)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// callOnce calls a method of a server whose methods end so, until both ends are through with it.
func callOnce(t *testing.T, metrics *grpcprom.Metrics, method string, end end) {
	t.Helper()
	if end.table == nil {
		end.table = echotest.Table
	}
	if end.do == nil {
		end.do = func(context.Context) error { return nil }
	}
	e := serve(t, metrics, end.table, echotest.Behaving(end.do), end.opts...)
	err := e.call(echotest.Context(t), method)
	if got := status.Code(err); got != end.code && end.code != codes.Unknown {
		t.Errorf("the call ended with %v, want %v: %v", got, end.code, err)
	}
	e.stop()
}

// echo is a served echo service and a client of it.
type echo struct {
	echotest.Client
	conn *client.Conn
	stop func() // the client, and then the server, when its calls have ended
}

// serve serves the echo service, with metrics of both ends.
func serve(
	t testing.TB, metrics *grpcprom.Metrics, table *runtime.Service[echotest.Service],
	impl echotest.Service, opts ...server.Option,
) echo {
	t.Helper()
	srv := server.New(append(opts, server.WithDrainDelay(0), server.WithObservers(metrics.Server()))...)
	server.Register[echotest.Service](srv, table, impl)
	return dial(t, metrics, table, srv)
}

// dial serves srv and dials it.
func dial(
	t testing.TB, metrics *grpcprom.Metrics, table *runtime.Service[echotest.Service], srv *server.Server,
) echo {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure(),
		client.WithObservers(metrics.Client()), client.WithServiceConfig(table))
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return echo{echotest.Client{Rows: echotest.RowsOf(table, conn)}, conn, stop}
}

// call calls a method with one request.
func (e echo) call(ctx context.Context, method string) (err error) {
	switch method {
	case "One":
		_, err = e.One(ctx, echotest.TenBytes)
	case "Many":
		_, err = echotest.Gather(e.Many(ctx, echotest.TenBytes))
	case "Join":
		_, err = e.Join(ctx, echotest.Texts("a"))
	case "Chat":
		_, err = echotest.Gather(e.Chat(ctx, echotest.Texts("a")))
	}
	return err
}

// TestUnknownMethods calls methods that the server does not have: one counter counts them all.
func TestUnknownMethods(t *testing.T) {
	servicetest.NoLeaks(t)
	served, called := grpcprom.New(), grpcprom.New()
	srv := server.New(server.WithDrainDelay(0), server.WithObservers(served.Server()))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
	e := dial(t, called, echotest.Table, srv)
	for i := range 20 {
		err := e.conn.Invoke(echotest.Context(t), fmt.Sprintf("/a.B/C%d", i), echotest.TenBytes, new(echotest.Text))
		if status.Code(err) != codes.Unimplemented {
			t.Fatal(err)
		}
	}
	e.stop()
	want(t, served, map[string]float64{"grpcservice_server_unknown_methods_total{}": 20})
}

// TestRejections counts calls by the step that rejects them. Reasons of users are one value.
func TestRejections(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	reason := rpcerr.ReasonPrincipalNotAllowed
	e := serve(t, metrics, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}),
		echotest.Behaving(func(context.Context) error { return nil }),
		server.WithAuthenticator(server.AuthenticateFunc(
			func(context.Context) (*runtime.Principal, error) {
				return nil, reason.Errorf(codes.PermissionDenied, "no")
			})))
	for range 3 {
		_ = e.call(echotest.Context(t), "One")
	}
	for i := range 100 {
		reason = rpcerr.Reason(fmt.Sprintf("example.com/R%d", i))
		_ = e.call(echotest.Context(t), "One")
	}
	for i := range 100 { // as a library may that uses the runtime's domain
		reason = rpcerr.Reason(fmt.Sprintf("R%d", i))
		_ = e.call(echotest.Context(t), "One")
	}
	e.stop()
	got := series(t, metrics)
	for key, value := range map[string]float64{
		rejected("One", "authenticate", rpcerr.ReasonPrincipalNotAllowed): 3,
		rejected("One", "authenticate", "other"):                          100,
	} {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	n, sum := 0, 0.0
	for key, value := range got {
		if strings.HasPrefix(key, "grpcservice_server_rejected_total{") {
			n, sum = n+1, sum+value
		}
	}
	if n > 65 || sum != 203 {
		t.Errorf("%d series count %v rejected calls, want at most 65 and 203", n, sum)
	}
}

// TestDraining counts calls that a draining server rejects, and one that its shutdown cuts off.
func TestDraining(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	running := make(chan struct{})
	srv := server.New(server.WithDrainDelay(0), server.WithShutdownTimeout(50*time.Millisecond),
		server.WithObservers(metrics.Server()))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(ctx context.Context) error {
		close(running)
		<-ctx.Done()
		return ctx.Err()
	}))
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e := echo{Client: echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}}
	ended := make(chan error, 1)
	go func() { ended <- e.call(echotest.Context(t), "Many") }()
	echotest.Within(t, running)
	cancel()
	if err := echotest.Within(t, ended); err == nil {
		t.Error("the call was not cut off")
	}
	echotest.Within(t, served)
	got := series(t, metrics)
	checkSum(t, got, "grpc_server_handled_total")
	if n := got[call("grpc_server_handled_total", "server_stream", "Many", `grpc_code="OK"`)]; n != 0 {
		t.Error("a call that was cut off counts as OK")
	}
	if n := got[call("grpc_server_msg_received_total", "server_stream", "Many")]; n != 1 {
		t.Errorf("the stream that was cut off has received %v messages, want 1", n)
	}
}

// TestAttempts counts the retries of a client, whose caller sees one call.
func TestAttempts(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	var attempts atomic.Int32
	e := serve(t, metrics, echotest.TableWith(echotest.RetryQuickly),
		echotest.Behaving(func(context.Context) error {
			if attempts.Add(1) < 3 {
				return status.Error(codes.Unavailable, "not now")
			}
			return nil
		}))
	if err := e.call(echotest.Context(t), "One"); err != nil {
		t.Fatal(err)
	}
	e.stop()
	got := series(t, metrics)
	for key, value := range map[string]float64{
		call("grpcservice_client_additional_attempts_total", "unary", "One"):         2,
		call("grpc_client_started_total", "unary", "One"):                            1,
		call("grpc_client_handled_total", "unary", "One", `grpc_code="OK"`):          1,
		call("grpc_server_started_total", "unary", "One"):                            3,
		call("grpc_server_handled_total", "unary", "One", `grpc_code="Unavailable"`): 2,
		call("grpc_server_handled_total", "unary", "One", `grpc_code="OK"`):          1,
	} {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
}

// TestHedges counts the hedges of a client.
func TestHedges(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	var attempts atomic.Int32
	hedged := runtime.Policy{Idempotency: runtime.NoSideEffects,
		Hedging: runtime.Hedging{MaxAttempts: 2, Delay: time.Millisecond}}
	e := serve(t, metrics, echotest.TableWith(hedged),
		echotest.Behaving(func(ctx context.Context) error {
			if attempts.Add(1) == 1 {
				<-ctx.Done() // until the hedge has won
			}
			return ctx.Err()
		}))
	if err := e.call(echotest.Context(t), "One"); err != nil {
		t.Fatal(err)
	}
	e.stop()
	if n := series(t, metrics)[call("grpcservice_client_additional_attempts_total", "unary", "One")]; n != 1 {
		t.Errorf("%v hedges are counted, want 1", n)
	}
}

// TestLiveStreams scrapes while a stream is open: its messages are counted, exactly once.
func TestLiveStreams(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	checked, sent, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	e := serve(t, metrics, echotest.Table, echotest.Funcs{
		ChatFunc: func(_ context.Context, reqs runtime.Stream[echotest.Text]) runtime.Stream[echotest.Text] {
			return func(yield func(*echotest.Text, error) bool) {
				n := 0
				for req, err := range reqs {
					if !yield(req, err) || err != nil {
						return
					}
					if n++; n == 5 {
						close(answered)
					}
				}
			}
		},
	})
	n := 0
	for _, err := range e.Chat(echotest.Context(t), func(yield func(*echotest.Text, error) bool) {
		for range 5 {
			if !yield(echotest.TenBytes, nil) {
				return
			}
		}
		close(sent)
		<-checked
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			echotest.Within(t, sent)
			echotest.Within(t, answered)
			got := series(t, metrics)
			for key, value := range map[string]float64{
				call("grpc_server_started_total", "bidi_stream", "Chat"):                   1,
				call("grpc_server_handled_total", "bidi_stream", "Chat", `grpc_code="OK"`): 0,
				call("grpc_server_msg_received_total", "bidi_stream", "Chat"):              5,
				call("grpc_server_msg_sent_total", "bidi_stream", "Chat"):                  5,
				call("grpc_client_msg_sent_total", "bidi_stream", "Chat"):                  5,
				call("grpc_client_msg_received_total", "bidi_stream", "Chat"):              5,
			} {
				if got[key] != value {
					t.Errorf("while the stream is open, %s is %v, want %v", key, got[key], value)
				}
			}
			close(checked)
		}
	}
	e.stop()
	if got := series(t, metrics)[call("grpc_server_msg_sent_total", "bidi_stream", "Chat")]; got != 5 {
		t.Errorf("after the stream, %v responses are counted, want 5", got)
	}
}

// TestScrapesUnderLoad scrapes while calls run: counters never decrease, no more calls have
// finished than started, and histograms agree with themselves.
func TestScrapesUnderLoad(t *testing.T) {
	servicetest.NoLeaks(t)
	metrics := grpcprom.New()
	e := serve(t, metrics, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	var calls sync.WaitGroup
	ctx, stopCalls := context.WithCancel(echotest.Context(t))
	for method := range kinds {
		calls.Go(func() {
			for range 300 {
				if ctx.Err() != nil {
					return
				}
				_ = e.call(ctx, method)
			}
		})
	}
	last := map[string]float64{}
	for range 30 {
		all := families(t, metrics)
		now := valuesOf(all)
		for key, value := range last {
			if now[key] < value {
				t.Errorf("%s has decreased from %v to %v", key, value, now[key])
			}
		}
		for _, family := range all {
			for _, m := range family.Metric {
				checkHistogram(t, m.Histogram)
			}
		}
		for method, kind := range kinds {
			started, finished := now[call("grpc_server_started_total", kind, method)], now[call("grpc_server_handling_seconds", kind, method)]
			if finished > started {
				t.Errorf("%s: %v calls have finished, %v have started", method, finished, started)
			}
		}
		last = now
	}
	stopCalls()
	calls.Wait()
	e.stop()
}

// checkHistogram holds that the classic and the native buckets count the same calls.
func checkHistogram(t *testing.T, h *dto.Histogram) {
	t.Helper()
	if h == nil {
		return
	}
	native, n := h.GetZeroCount(), int64(0)
	for _, delta := range h.PositiveDelta {
		n += delta
		native += uint64(n)
	}
	if native != h.GetSampleCount() {
		t.Errorf("the native buckets have %d calls, want %d", native, h.GetSampleCount())
	}
	var before uint64
	for _, b := range h.Bucket {
		if b.GetCumulativeCount() < before || b.GetCumulativeCount() > h.GetSampleCount() {
			t.Errorf("the classic buckets are not cumulative: %v", h.Bucket)
		}
		before = b.GetCumulativeCount()
	}
}

// broken is a Call of another observer: it cannot be compared, and panics.
type broken struct {
	runtime.Call
	_ []int
}

// TestBrokenCalls holds that such a call is counted all the same, and that scrapes go on.
func TestBrokenCalls(t *testing.T) {
	metrics := grpcprom.New()
	for _, kind := range []runtime.Kind{runtime.KindUnary, runtime.KindBidi} {
		o := metrics.Server().Bind(runtime.NewMethodInfo(echotest.Name, "One", kind, runtime.Policy{}))
		panics(func() { o.Begin(t.Context(), broken{}) })
		panics(func() { o.End(t.Context(), broken{}, runtime.Outcome{}) })
	}
	want(t, metrics, map[string]float64{
		call("grpc_server_started_total", "unary", "One"):                         1,
		call("grpc_server_handled_total", "unary", "One", `grpc_code="OK"`):       1,
		call("grpc_server_handling_seconds", "unary", "One"):                      1,
		call("grpc_server_started_total", "bidi_stream", "One"):                   1,
		call("grpc_server_handled_total", "bidi_stream", "One", `grpc_code="OK"`): 1,
		call("grpc_server_handling_seconds", "bidi_stream", "One"):                1,
	})
}

// panics calls f, whose panics the pipeline recovers.
func panics(f func()) {
	defer func() { _ = recover() }()
	f()
}
