package operation_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// brokenError is an error that cannot be asked anything where it is nil, though it is none then to
// who compares it with nil.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

func TestAnErrorThatPanicsIsInternal(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, func(context.Context, *paintRun) (*paintResult, error) {
			var broken *brokenError
			return nil, broken
		})
		defer s.stop()
		if state, _ := s.end(t.Context(), s.start(t.Context(), ``).GetName()); codes.Code(state.Status.GetCode()) != codes.Internal {
			t.Errorf("ended with %v", state)
		}
	})
}

func TestSaveEndsWithTheWorkThoughTheStoreRejects(t *testing.T) {
	for name, ask := range map[string]func(*shop, string){
		"stopped":   func(s *shop, _ string) { s.stop() },
		"cancelled": func(s *shop, name string) { _, _ = s.m.Cancel(context.Background(), name) },
		"timed out": func(*shop, string) {},
	} {
		inTime(t, func(t *testing.T) {
			store := &flaky{Store: operation.Memory()}
			store.breaks(func(call string) error {
				if call == "save" {
					return errors.New("too large")
				}
				return nil
			})
			saved := make(chan error, 1)
			s := open(t, store, runtime.Operation{Timeout: time.Hour, Lease: time.Minute}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
				err := run.Save(ctx, 1, nil)
				saved <- err
				return nil, err
			})
			op := s.start(t.Context(), ``)
			time.Sleep(10 * time.Second)
			go ask(s, op.GetName())
			select {
			case err := <-saved:
				if err == nil || errors.Is(err, operation.ErrLeaseLost) {
					t.Errorf("%s: Save returned %v", name, err)
				}
			case <-time.After(2 * time.Hour):
				t.Errorf("%s: Save does not end", name)
				store.breaks(nil)
			}
			s.stop()
		})
	}
}

// watched is a store that counts the watches that are not over.
type watched struct {
	operation.Store
	now atomic.Int64
}

func (w *watched) Watch(ctx context.Context, seen *operation.Record) (<-chan struct{}, error) {
	w.now.Add(1)
	context.AfterFunc(ctx, func() { w.now.Add(-1) })
	return w.Store.Watch(ctx, seen)
}

func TestLongWorkIsWatchedOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &watched{Store: operation.Memory()}
		s := open(t, store, runtime.Operation{Lease: 30 * time.Second}, untilAsked)
		s.start(t.Context(), ``)
		time.Sleep(time.Hour)
		if n := store.now.Load(); n != 1 {
			t.Errorf("%d watches after an hour, want 1", n)
		}
		s.stop()
		synctest.Wait()
		if n := store.now.Load(); n != 0 {
			t.Errorf("%d watches are left", n)
		}
	})
}

func TestACarrierThatCannotBeReadEndsNobodyElse(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, result("painted", nil), operation.WithPropagation(
			func(context.Context) map[string]string { return map[string]string{"traceparent": "hostile"} },
			func(context.Context, map[string]string) context.Context { panic("hostile") },
		))
		starter := operation.NewManager(s.store, operation.WithStartOnly())
		op, err := s.method.Start(t.Context(), starter, nil) // elsewhere, so that the carrier is all there is
		if err != nil {
			t.Fatal(err)
		}
		if state, _ := s.end(t.Context(), op.GetName()); unpackText(t, state.Response) != "painted" {
			t.Errorf("ended with %v", state)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// starting is a store that holds back those that were created until all are.
type starting struct {
	operation.Store
	all chan struct{}
	now atomic.Int64
}

func (s *starting) Create(ctx context.Context, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	stored, created, err := s.Store.Create(ctx, op, queue)
	if s.now.Add(1) == 2 {
		close(s.all)
	}
	<-s.all
	return stored, created, err
}

func TestOperationsThatStartTogetherDoNotPreemptEachOther(t *testing.T) {
	inTime(t, func(t *testing.T) { // whose clock stands still
		store := &starting{Store: operation.Memory(), all: make(chan struct{})}
		s := open(t, store, runtime.Operation{OnConflict: runtime.PreemptOnConflict}, func(ctx context.Context, _ *paintRun) (*paintResult, error) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(time.Minute):
				return wrapperspb.String("painted"), nil
			}
		})
		defer s.stop()
		names := make(chan string, 2)
		for range 2 {
			go func() { names <- s.start(t.Context(), `parent: "houses/1"`).GetName() }()
		}
		painted := 0
		for range 2 {
			if state, _ := s.end(t.Context(), <-names); state.Response != nil {
				painted++
			}
		}
		if painted != 1 {
			t.Errorf("%d of two have painted, want the last one", painted)
		}
	})
}

func TestTheLogTellsOfAttemptsAsOfCalls(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"ok":     {nil, `level=INFO msg=operation method=paint.v1.Painter/PaintWalls operation=NAME attempt=1 code=OK duration=0s request_id=call-of-ada principal=ada`},
		"fault":  {errors.New("secret"), `level=ERROR msg=operation method=paint.v1.Painter/PaintWalls operation=NAME attempt=1 code=Unknown duration=0s request_id=call-of-ada principal=ada error=secret`},
		"strain": {status.Error(codes.Unavailable, "away"), `level=WARN msg=operation method=paint.v1.Painter/PaintWalls operation=NAME attempt=1 code=Unavailable duration=0s request_id=call-of-ada principal=ada error="rpc error: code = Unavailable desc = away"`},
	} {
		inTime(t, func(t *testing.T) {
			var log bytes.Buffer
			s := open(t, operation.Memory(), runtime.Operation{}, result("painted", test.err), operation.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			}))))
			ada := by(t.Context(), "ada")
			synctest.Wait()
			op := s.start(ada, ``)
			s.end(ada, op.GetName())
			s.stop()
			if got := strings.ReplaceAll(log.String(), op.GetName(), "NAME"); got != test.want+"\n" {
				t.Errorf("%s: logged\n%s, want\n%s", name, got, test.want)
			}
		})
	}
}

func TestAManagerThatDoesNotRunSaysSo(t *testing.T) {
	var log bytes.Buffer
	logger := operation.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))
	method := painting(runtime.Operation{})
	for opts, want := range map[string]int{"": 1, "StartOnly": 0} {
		log.Reset()
		m := operation.NewManager(operation.Memory(), logger)
		if opts != "" {
			m = operation.NewManager(operation.Memory(), logger, operation.WithStartOnly())
		}
		method.Handle(m, result("", nil))
		for range 3 {
			if _, err := method.Start(t.Context(), m, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(log.String(), "level=WARN"); got != want {
			t.Errorf("%s: %d warnings, want %d:\n%s", opts, got, want, &log)
		}
	}
}
