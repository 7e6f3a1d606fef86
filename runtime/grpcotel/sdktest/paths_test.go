package sdktest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	service "github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestSpansEndHoweverCallsEnd takes calls of all kinds through ends that are not returns.
func TestSpansEndHoweverCallsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(context.Context) error
		want codes.Code
	}{
		"error":  {func(context.Context) error { return errors.New("oops") }, codes.Unknown},
		"panic":  {func(context.Context) error { panic("oops") }, codes.Internal},
		"Goexit": {func(context.Context) error { runtime.Goexit(); return nil }, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c := r.serve(t, echotest.Behaving(test.do))
			for i, err := range callAll(echotest.Context(t), c) {
				if status.Code(err) != test.want {
					t.Errorf("call %d: %v, want %v", i, err, test.want)
				}
			}
			r.ended(t, trace.SpanKindServer, 4)
			r.ended(t, trace.SpanKindClient, 4)
			r.checkBalance(t)
		})
	}
}

// TestSpansOfStreamsThatAreCutOff takes streams through ends from either side.
func TestSpansOfStreamsThatAreCutOff(t *testing.T) {
	endless := echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *echotest.Text) service.Stream[echotest.Text] {
			return func(yield func(*echotest.Text, error) bool) {
				if yield(echotest.TenBytes, nil) {
					<-ctx.Done()
					yield(nil, ctx.Err())
				}
			}
		},
	}
	t.Run("the consumer breaks", func(t *testing.T) {
		r := newRig(t)
		c := r.serve(t, endless)
		for _, err := range c.Many(echotest.Context(t), echotest.TenBytes) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		cs, ss := r.pair(t)
		if value(cs, "rpc.status_code") != "CANCELLED" || value(ss, "rpc.status_code") != "CANCELLED" {
			t.Errorf("the spans are %q and %q", texts(cs.Attributes()), texts(ss.Attributes()))
		}
		r.checkBalance(t)
	})
	t.Run("the consumer panics", func(t *testing.T) {
		r := newRig(t)
		c := r.serve(t, endless)
		func() {
			defer func() { _ = recover() }()
			for range c.Many(echotest.Context(t), echotest.TenBytes) {
				panic("oops")
			}
		}()
		r.pair(t)
		r.checkBalance(t)
	})
	t.Run("the server stops", func(t *testing.T) {
		r := newRig(t)
		started := make(chan struct{})
		running := echotest.Start(t, echotest.Funcs{
			ManyFunc: func(ctx context.Context, _ *echotest.Text) service.Stream[echotest.Text] {
				return func(yield func(*echotest.Text, error) bool) {
					close(started)
					<-ctx.Done()
					yield(nil, ctx.Err())
				}
			},
		}, server.WithObservers(r.Server()), server.WithShutdownTimeout(time.Second))
		failed := make(chan error, 1)
		go func() {
			failed <- drain(echotest.Client{Rows: echotest.RowsOf(echotest.Table, running.Conn)}.
				Many(context.Background(), echotest.TenBytes))
		}()
		echotest.Within(t, started)
		if err := running.Stop(); err != nil {
			t.Log(err) // the call was cut off
		}
		if err := echotest.Within(t, failed); err == nil {
			t.Error("the call succeeded")
		}
		r.ended(t, trace.SpanKindServer, 1)
		r.checkBalance(t)
	})
	t.Run("the caller cancels", func(t *testing.T) {
		r := newRig(t)
		c := r.serve(t, endless)
		ctx, cancel := context.WithCancel(echotest.Context(t))
		for range c.Many(ctx, echotest.TenBytes) {
			cancel()
		}
		cancel()
		r.pair(t)
		r.checkBalance(t)
	})
}

// TestEventsOfAttempts checks the events of retries and hedges, and their count.
func TestEventsOfAttempts(t *testing.T) {
	for event, policy := range map[string]service.Policy{
		"grpcservice.retry": echotest.RetryQuickly,
		"grpcservice.hedge": {Idempotency: service.NoSideEffects,
			Hedging: service.Hedging{MaxAttempts: 3, NonFatalCodes: []string{"UNAVAILABLE"}}},
	} {
		r := newRig(t)
		calls := make(chan struct{}, 10)
		srv := server.New(server.WithDrainDelay(0), server.WithObservers(r.Server()))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error {
			if calls <- struct{}{}; len(calls) < 3 {
				return status.Error(codes.Unavailable, "later")
			}
			return nil
		}))
		table := echotest.TableWith(policy)
		conn := dial(t, echotest.ListenAndServe(t, srv),
			client.WithObservers(r.Client()), client.WithServiceConfig(table))
		stub := echotest.Client{Rows: echotest.RowsOf(table, conn)}
		if _, err := stub.One(echotest.Context(t), echotest.TenBytes); err != nil {
			t.Errorf("%s: %v", event, err)
		}
		span := r.ended(t, trace.SpanKindClient, 1)[0]
		var got []string
		for _, e := range span.Events() {
			got = append(got, e.Name+" "+texts(e.Attributes)[0])
		}
		slices.Sort(got)
		if want := []string{event + " grpcservice.attempt=2", event + " grpcservice.attempt=3"}; !slices.Equal(got, want) {
			t.Errorf("%s: the events are %q, want %q", event, got, want)
		}
		for _, s := range r.ended(t, trace.SpanKindServer, 3) {
			if s.Parent().SpanID() != span.SpanContext().SpanID() {
				t.Errorf("%s: an attempt arrived with another parent", event)
			}
		}
		want := "grpcservice_client_additional_attempts 2 grpc_method=One grpc_service=test.v1.Echo"
		if points := r.points(t); !slices.Contains(points, want) {
			t.Errorf("%s: the metrics are %q", event, points)
		}
		r.checkBalance(t)
	}
}

// TestCallsInCalls holds that a span belongs to its own call: the context of a call carries the
// span of the call that it is made in, which may be recorded while the inner one is not.
func TestCallsInCalls(t *testing.T) {
	r := newRig(t)
	inner := newSampledRig(t, neverSampler{})
	c := r.serve(t, echotest.Funcs{
		OneFunc: func(ctx context.Context, req *echotest.Text) (*echotest.Text, error) {
			m := inner.Client().Bind(echotest.Table.Method("One"))
			call := &finished{}
			m.End(m.Begin(ctx, call), call, service.Outcome{Err: status.Error(codes.Internal, "inner")})
			return req, nil
		},
	})
	if _, err := c.One(echotest.Context(t), echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	_, ss := r.pair(t)
	if got := value(ss, "rpc.status_code"); got != "OK" {
		t.Errorf("the status of the outer call is %s", got)
	}
	r.checkBalance(t)
}

// TestBesideAStatsHandler holds that the span of a stats.Handler is the parent.
func TestBesideAStatsHandler(t *testing.T) {
	r := newRig(t)
	ctx, outer := r.traces.Tracer("test").Start(context.Background(), "stats handler")
	m := r.Server().Bind(echotest.Table.Method("One"))
	call := &finished{}
	began := m.Begin(withIncoming(ctx, incoming(true)), call)
	m.End(began, call, service.Outcome{})
	outer.End()
	if got := r.ended(t, trace.SpanKindServer, 1)[0].Parent().SpanID(); got != outer.SpanContext().SpanID() {
		t.Errorf("the parent is %v, want %v", got, outer.SpanContext().SpanID())
	}
}
