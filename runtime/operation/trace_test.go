package operation_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
)

type spanKey struct{}

// tracer records the attempts that it sees. Its spans are values of contexts.
type tracer struct {
	mu     sync.Mutex
	spans  []string
	panics bool
}

func (tr *tracer) note(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.spans = append(tr.spans, fmt.Sprintf(format, args...))
}

func (tr *tracer) Inject(ctx context.Context) map[string]string {
	if tr.panics {
		panic("inject")
	}
	span, _ := ctx.Value(spanKey{}).(string)
	return map[string]string{"traceparent": span}
}

func (tr *tracer) Attempt(
	ctx context.Context, op, method string, number int, carrier map[string]string,
) (context.Context, func(error)) {
	if tr.panics && number == 1 {
		panic("attempt")
	}
	parent, _ := ctx.Value(spanKey{}).(string)
	tr.note("start %s %d in %q after %q", method, number, parent, carrier["traceparent"])
	span := fmt.Sprintf("attempt %d", number)
	return context.WithValue(ctx, spanKey{}, span), func(err error) {
		tr.note("end %s/ %d: %v", path.Dir(op), number, err)
		if tr.panics {
			panic("end")
		}
	}
}

// want checks what the tracer has seen, and forgets it.
func (tr *tracer) want(t *testing.T, want ...string) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !slices.Equal(tr.spans, want) {
		t.Errorf("traced\n%s\nwant\n%s", strings.Join(tr.spans, "\n"), strings.Join(want, "\n"))
	}
	tr.spans = nil
}

// traced returns the context of a call with a span.
func traced(ctx context.Context) context.Context {
	return context.WithValue(by(ctx, "ann"), spanKey{}, "call")
}

const paintPath = "/paint.v1.Painter/PaintWalls"

// TestTracing checks that the first attempt in the process that started an operation has the span
// of the call, that later ones refer to it, and how each ends.
func TestTracing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		tr := &tracer{}
		var works []string
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			works = append(works, ctx.Value(spanKey{}).(string))
			switch run.Attempt() {
			case 1:
				return nil, operation.TryAgain(errors.New("brush broken"), time.Second)
			case 2:
				panic("paint spilled")
			}
			return &paintResult{Value: "done"}, nil
		}, operation.WithTracing(tr))
		op := s.start(traced(t.Context()), "")
		s.end(by(t.Context(), "ann"), op.GetName())
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		tr.want(t,
			`start `+paintPath+` 1 in "call" after "call"`, `end operations/ 1: brush broken`,
			`start `+paintPath+` 2 in "" after "call"`, `end operations/ 2: panic: paint spilled`,
			`start `+paintPath+` 3 in "" after "call"`, `end operations/ 3: <nil>`,
		)
		if want := []string{"attempt 1", "attempt 2", "attempt 3"}; !slices.Equal(works, want) {
			t.Errorf("the work ran in %q", works)
		}
	})
}

// TestTracingElsewhere checks that an attempt in another process refers to the call.
func TestTracingElsewhere(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store, tr := operation.Memory(), &tracer{}
		starter := open(t, store, runtime.Operation{}, nil, operation.WithTracing(tr), operation.WithStartOnly())
		op := starter.start(traced(t.Context()), "")
		tr.want(t)
		worker := open(t, store, runtime.Operation{}, result("done", nil), operation.WithTracing(tr))
		worker.end(by(t.Context(), "ann"), op.GetName())
		if err := errors.Join(worker.stop(), starter.stop()); err != nil {
			t.Fatal(err)
		}
		tr.want(t, `start `+paintPath+` 1 in "" after "call"`, `end operations/ 1: <nil>`)
	})
}

// tracingObserver is an observer of a server that is a tracer, as that of grpcotel is.
type tracingObserver struct{ *tracer }

// Bind implements runtime.Observer.
func (tracingObserver) Bind(runtime.MethodInfo) runtime.MethodObserver { return nil }

// TestTracerOfAServer checks that Register finds the tracer among the observers of a server, and
// adds the manager to its sources of metrics.
func TestTracerOfAServer(t *testing.T) {
	tr, method := &tracer{}, painting(runtime.Operation{})
	var m *operation.Manager
	d := newDesk(t, func(_ *server.Server, manager *operation.Manager) {
		m = manager
		method.Handle(m, result("done", nil))
	}, server.WithObservers(tracingObserver{tr}))
	op, err := method.Start(traced(t.Context()), m, request(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if op, err = d.raw.WaitOperation(as(t.Context(), "ann"), &longrunningpb.WaitOperationRequest{Name: op.GetName()}); err != nil || !op.GetDone() {
		t.Fatalf("the operation is %v (%v), want it done", op, err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	tr.want(t, `start `+paintPath+` 1 in "call" after "call"`, `end operations/ 1: <nil>`)
	if !slices.Contains(d.srv.Sources(), metric.Source(m)) {
		t.Error("the manager is no source of the server")
	}
}

// headersOnly is a tracer that injects nothing.
type headersOnly struct{ *tracer }

func (headersOnly) Inject(context.Context) map[string]string { return nil }

// TestTracingByHeaders checks that the headers of a call remain if a tracer injects none.
func TestTracingByHeaders(t *testing.T) {
	inTime(t, func(t *testing.T) {
		tr := headersOnly{&tracer{}}
		s := open(t, operation.Memory(), runtime.Operation{}, result("done", nil), operation.WithTracing(tr))
		ctx := metadata.NewIncomingContext(by(t.Context(), "ann"), metadata.Pairs("traceparent", "00-header"))
		s.end(by(t.Context(), "ann"), s.start(ctx, "").GetName())
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		tr.want(t, `start `+paintPath+` 1 in "" after "00-header"`, `end operations/ 1: <nil>`)
	})
}

// TestTracingOfInterruptedWork checks how attempts end that something interrupts, and that work
// that does not start is not traced.
func TestTracingOfInterruptedWork(t *testing.T) {
	for name, test := range map[string]struct {
		policy    runtime.Operation
		interrupt func(s *shop, store *flaky, name string)
		want      string
	}{
		"cancelled": {
			interrupt: func(s *shop, _ *flaky, name string) {
				if _, err := s.m.Cancel(by(s.t.Context(), "ann"), name); err != nil {
					s.t.Error(err)
				}
			},
			want: operation.ErrCancelled.Error(),
		},
		"stopped": {
			interrupt: func(s *shop, _ *flaky, _ string) { _ = s.stop() },
			want:      operation.ErrStopping.Error(),
		},
		"too long": {
			policy:    runtime.Operation{Timeout: time.Minute},
			interrupt: func(*shop, *flaky, string) { time.Sleep(time.Hour) },
			want:      "timeout",
		},
		"lease lost": {
			interrupt: func(_ *shop, store *flaky, _ string) {
				store.breaks(func(string) error { return operation.ErrLeaseLost })
				time.Sleep(time.Hour)
			},
			want: operation.ErrLeaseLost.Error(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				tr, store := &tracer{}, &flaky{Store: operation.Memory()}
				running := make(chan struct{}, 10)
				s := open(t, store, test.policy, func(ctx context.Context, run *paintRun) (*paintResult, error) {
					running <- struct{}{}
					return untilAsked(ctx, run)
				}, operation.WithTracing(tr))
				op := s.start(traced(t.Context()), "")
				<-running
				test.interrupt(s, store, op.GetName())
				_ = s.stop()
				tr.mu.Lock()
				defer tr.mu.Unlock()
				if len(tr.spans) < 2 || !strings.Contains(tr.spans[1], test.want) {
					t.Errorf("traced %q, want an end with %q", tr.spans, test.want)
				}
			})
		})
	}
	inTime(t, func(t *testing.T) {
		store, tr := operation.Memory(), &tracer{}
		starter := open(t, store, runtime.Operation{}, nil, operation.WithStartOnly())
		op := starter.start(traced(t.Context()), "")
		if _, err := starter.m.Cancel(by(t.Context(), "ann"), op.GetName()); err != nil {
			t.Fatal(err)
		}
		worker := open(t, store, runtime.Operation{}, result("done", nil), operation.WithTracing(tr))
		worker.end(by(t.Context(), "ann"), op.GetName())
		if err := errors.Join(worker.stop(), starter.stop()); err != nil {
			t.Fatal(err)
		}
		tr.want(t)
	})
}

// TestATracerThatPanics checks that the work runs, and that the log has each panic.
func TestATracerThatPanics(t *testing.T) {
	inTime(t, func(t *testing.T) {
		tr := &tracer{panics: true}
		log := &spanLog{Handler: slog.NewTextHandler(io.Discard, nil)}
		s := open(t, operation.Memory(), runtime.Operation{}, func(_ context.Context, run *paintRun) (*paintResult, error) {
			if run.Attempt() == 1 {
				return nil, operation.TryAgain(errors.New("again"), time.Second)
			}
			return &paintResult{Value: "done"}, nil
		}, operation.WithTracing(tr), operation.WithLogger(slog.New(log)))
		op := s.start(traced(t.Context()), "")
		state, _ := s.end(by(t.Context(), "ann"), op.GetName())
		if err := s.stop(); err != nil || !state.Done {
			t.Fatal(err, state)
		}
		if n := log.count("panic"); n != 3 {
			t.Errorf("%d panics are logged, want those of Inject, Attempt and end", n)
		}
	})
}

// spanLog notes the span of the context of each record.
type spanLog struct {
	slog.Handler
	mu      sync.Mutex
	records []string // message and span
}

func (l *spanLog) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	span, _ := ctx.Value(spanKey{}).(string)
	l.records = append(l.records, r.Message+" in "+span)
	return nil
}

func (l *spanLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *spanLog) count(message string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if strings.HasPrefix(r, message+" in ") {
			n++
		}
	}
	return n
}

// TestLogsOfAttemptsHaveTheirSpan checks that all that is logged of an attempt has the context of
// its trace, so that a handler finds the span.
func TestLogsOfAttemptsHaveTheirSpan(t *testing.T) {
	inTime(t, func(t *testing.T) {
		log := &spanLog{Handler: slog.NewTextHandler(io.Discard, nil)}
		store := &flaky{Store: operation.Memory()}
		failed := map[string]*atomic.Bool{"renew": {}, "finish": {}}
		store.breaks(func(call string) error {
			if first := failed[call]; first != nil && !first.Swap(true) {
				return errors.New("away")
			}
			return nil
		})
		s := open(t, store, runtime.Operation{Lease: time.Minute}, func(_ context.Context, run *paintRun) (*paintResult, error) {
			time.Sleep(30 * time.Second) // a renewal fails
			if run.Attempt() == 1 {
				panic("paint spilled")
			}
			return &paintResult{Value: "done"}, nil
		}, operation.WithTracing(&tracer{}), operation.WithLogger(slog.New(log)))
		synctest.Wait() // until it runs
		op := s.start(traced(t.Context()), "")
		s.end(by(t.Context(), "ann"), op.GetName())
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{
			"lease not renewed in attempt 1": true, "panic in attempt 1": true,
			"operation will be retried in attempt 1":     true,
			"operation not saved; retrying in attempt 2": true, "operation in attempt 2": true,
		}
		got := map[string]bool{}
		for _, r := range log.records {
			got[r] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("logged %q, want %v", log.records, slices.Collect(maps.Keys(want)))
		}
	})
}

func TestATracerThatIsNil(t *testing.T) {
	for _, tr := range []operation.Tracer{nil, (*tracer)(nil)} {
		m := operation.NewManager(operation.Memory(), operation.WithTracing(tr))
		if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "WithTracing(nil)") {
			t.Errorf("got %v", err)
		}
	}
}
