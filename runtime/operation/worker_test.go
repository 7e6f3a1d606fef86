package operation_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// flaky is a store that is away when broken says so.
type flaky struct {
	operation.Store
	broken  atomic.Pointer[func(call string) error]
	noWatch bool
}

// breaks has calls fail as f says; nil for none.
func (f *flaky) breaks(fails func(call string) error) { f.broken.Store(&fails) }

func (f *flaky) err(call string) error {
	if fails := f.broken.Load(); fails != nil && *fails != nil {
		return (*fails)(call)
	}
	return nil
}

func (f *flaky) Renew(ctx context.Context, name string, fence int64) (bool, error) {
	if err := f.err("renew"); err != nil {
		return false, err
	}
	return f.Store.Renew(ctx, name, fence)
}

func (f *flaky) Save(ctx context.Context, name string, fence int64, p operation.Progress) (bool, error) {
	if err := f.err("save"); err != nil {
		return false, err
	}
	return f.Store.Save(ctx, name, fence, p)
}

func (f *flaky) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	if err := f.err("finish"); err != nil {
		return err
	}
	return f.Store.Finish(ctx, name, fence, r)
}

func (f *flaky) Claim(ctx context.Context, methods []string, n int) ([]*operation.Record, error) {
	if err := f.err("claim"); err != nil {
		return nil, err
	}
	return f.Store.Claim(ctx, methods, n)
}

func (f *flaky) Get(ctx context.Context, name string) (*operation.Record, error) {
	if err := f.err("get"); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, name)
}

func (f *flaky) Create(ctx context.Context, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	if err := f.err("create"); err != nil {
		return nil, false, err
	}
	return f.Store.Create(ctx, op, queue)
}

func (f *flaky) Watch(ctx context.Context, seen *operation.Record) (<-chan struct{}, error) {
	if f.noWatch {
		return nil, errors.New("no watches here")
	}
	return f.Store.Watch(ctx, seen)
}

var errAway = errors.New("connection refused")

// always is for a store that is away.
func always(string) error { return errAway }

func TestAPanicIsTriedAgainAndThenInternal(t *testing.T) {
	for name, broken := range map[string]func(){
		"panic":  func() { panic("secret") },
		"goexit": goruntime.Goexit,
	} {
		inTime(t, func(t *testing.T) {
			var at []time.Time
			s := open(t, operation.Memory(), runtime.Operation{MaxAttempts: 3}, func(context.Context, *paintRun) (*paintResult, error) {
				at = append(at, time.Now())
				broken()
				return nil, nil
			})
			defer s.stop()
			state, record := s.end(t.Context(), s.start(t.Context(), ``).GetName())
			if state.Status.GetCode() != int32(codes.Internal) || state.Status.GetMessage() != "internal error" || record.Attempt != 3 || len(at) != 3 {
				t.Fatalf("%s: ended with %v after %d attempts", name, state.Status, record.Attempt)
			}
			for i, longest := range []time.Duration{time.Second, 2 * time.Second} {
				if wait := at[i+1].Sub(at[i]); wait < longest/2 || wait > longest+2*operation.DefaultPoll {
					t.Errorf("%s: attempt %d came after %v", name, i+2, wait)
				}
			}
		})
	}
}

func TestTryAgainBeginsAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{MaxAttempts: 2}, func(_ context.Context, run *paintRun) (*paintResult, error) {
			if run.Attempt() == 2 && field(run.Request(), "colour") == "blue" {
				return wrapperspb.String("painted"), nil
			}
			return nil, operation.TryAgain(status.Error(codes.Unavailable, "no paint"), time.Hour)
		})
		defer s.stop()
		began := time.Now()
		blue, red := s.start(t.Context(), `colour: "blue"`), s.start(t.Context(), `colour: "red"`)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		if op, err := s.m.Wait(ctx, blue.GetName()); err != nil || !op.Done() || len(op.Response) == 0 || time.Since(began) < time.Hour {
			t.Errorf("after %v: %+v, %v", time.Since(began), op, err)
		}
		if state, _ := s.end(t.Context(), red.GetName()); state.Status.GetCode() != int32(codes.Unavailable) || state.Status.GetMessage() != "no paint" {
			t.Errorf("ended with %v", state.Status)
		}
	})
}

func TestAnOperationOfALostWorkerIsTakenUpAsOftenAsItMayBe(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := operation.Memory()
		lost := operation.NewManager(store, operation.WithStartOnly())
		method := painting(runtime.Operation{MaxAttempts: 2, Lease: time.Minute})
		for attempts, want := range map[int]codes.Code{1: codes.OK, 2: codes.Aborted} {
			op, err := method.Start(t.Context(), lost, &paintRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for range attempts { // claims of processes that are killed
				for {
					if claimed, _ := store.Claim(t.Context(), []string{"/paint.v1.Painter/PaintWalls"}, 1); len(claimed) == 1 {
						break
					}
					time.Sleep(time.Second)
				}
			}
			s := open(t, store, runtime.Operation{}, result("painted", nil))
			state, record := s.end(t.Context(), op.GetName())
			if got := codes.Code(state.Status.GetCode()); got != want || record.Attempt != attempts+1 {
				t.Errorf("after %d lost workers: %v, attempt %d", attempts, state, record.Attempt)
			}
			s.stop()
		}
	})
}

func TestALeaseIsKeptForAsLongAsTheWorkTakes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &flaky{Store: operation.Memory()}
		renewals := 0
		store.breaks(func(call string) error { // every other renewal fails
			if call != "renew" {
				return nil
			}
			if renewals++; renewals%2 == 0 {
				return errAway
			}
			return nil
		})
		work := func(ctx context.Context, _ *paintRun) (*paintResult, error) {
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
			}
			return wrapperspb.String("painted"), context.Cause(ctx)
		}
		policy := runtime.Operation{Lease: 10 * time.Second}
		one, two := open(t, store, policy, work), open(t, store, policy, work)
		defer one.stop()
		defer two.stop()
		op := one.start(t.Context(), ``)
		time.Sleep(59 * time.Minute)
		if state, record := one.end(t.Context(), op.GetName()); unpackText(t, state.Response) != "painted" || record.Attempt != 1 {
			t.Errorf("ended with %v in attempt %d", state, record.Attempt)
		}
	})
}

func TestAWorkerThatCannotRenewGivesUpWhenItsLeaseIsOver(t *testing.T) {
	inTime(t, func(t *testing.T) {
		memory := operation.Memory()
		broken := &flaky{Store: memory}
		causes := make(chan error, 2)
		began := time.Now()
		one := open(t, broken, runtime.Operation{Lease: 9 * time.Second}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			if after := time.Since(began); after != 12*time.Second {
				t.Errorf("the lease was lost after %v, want 9 s after the last renewal", after)
			}
			causes <- run.Save(context.Background(), "stale", done(7))
			return wrapperspb.String("stale"), nil
		})
		defer one.stop()
		op := one.start(t.Context(), ``)
		time.Sleep(3*time.Second + time.Millisecond) // one renewal
		broken.breaks(always)
		two := open(t, memory, runtime.Operation{}, result("painted", nil))
		defer two.stop()
		state, record := two.end(t.Context(), op.GetName())
		for range 2 {
			if cause := <-causes; !errors.Is(cause, operation.ErrLeaseLost) {
				t.Errorf("got %v, want ErrLeaseLost", cause)
			}
		}
		synctest.Wait()
		if unpackText(t, state.Response) != "painted" || record.Attempt != 2 {
			t.Errorf("ended with %v in attempt %d", state, record.Attempt)
		}
	})
}

func TestAStaleWorkerCannotChangeAnything(t *testing.T) {
	inTime(t, func(t *testing.T) {
		memory := operation.Memory()
		broken := &flaky{Store: memory}
		gate := make(chan struct{})
		one := open(t, broken, runtime.Operation{Lease: time.Second}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			<-gate // deaf to its context
			if err := run.Save(ctx, "stale", done(7)); !errors.Is(err, operation.ErrLeaseLost) {
				t.Errorf("Save returned %v", err)
			}
			return wrapperspb.String("stale"), nil
		})
		defer one.stop()
		op := one.start(t.Context(), ``)
		synctest.Wait()
		broken.breaks(always)
		two := open(t, memory, runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			broken.breaks(nil)
			close(gate)
			time.Sleep(time.Minute)
			return wrapperspb.String("painted"), run.Save(ctx, nil, done(1))
		})
		defer two.stop()
		state, _ := two.end(t.Context(), op.GetName())
		if unpackText(t, state.Response) != "painted" || field(shown(t, state), "walls_done") != "1" {
			t.Errorf("ended with %v, %v", state, shown(t, state))
		}
	})
}

// slowLine is a store whose first save gets lost on its way, until the test delivers it.
type slowLine struct {
	operation.Store
	deliver func() (cancelled bool, err error)
}

func (s *slowLine) Save(
	ctx context.Context, name string, fence int64, p operation.Progress,
) (bool, error) {
	if s.deliver == nil {
		s.deliver = func() (bool, error) { return s.Store.Save(ctx, name, fence, p) }
		return false, errAway
	}
	return s.Store.Save(ctx, name, fence, p)
}

func TestASaveThatArrivesLateReplacesNothing(t *testing.T) {
	for _, last := range []int{1, 2} { // the late save, repeated, is the last one; or another follows
		inTime(t, func(t *testing.T) {
			store := &slowLine{Store: operation.Memory()}
			work := func(ctx context.Context, run *paintRun) (*paintResult, error) {
				for i := range last {
					if err := run.Save(ctx, i+1, done(i+1)); err != nil {
						t.Errorf("Save returned %v", err)
					}
				}
				before, err := store.Get(ctx, run.Name())
				if err != nil {
					t.Error(err)
				}
				want := operation.ErrSuperseded
				if last == 1 {
					want = nil
				}
				if _, err := store.deliver(); !errors.Is(err, want) {
					t.Errorf("the save, after %d others, returned %v, want %v", last-1, err, want)
				}
				if after, err := store.Get(ctx, run.Name()); err != nil || !reflect.DeepEqual(after, before) {
					t.Errorf("a late save has made %+v of %+v: %v", after, before, err)
				}
				return wrapperspb.String("painted"), nil
			}
			s := open(t, store, runtime.Operation{}, work)
			defer s.stop()
			s.end(t.Context(), s.start(t.Context(), ``).GetName())
		})
	}
}

func TestSavesAreNumberedAcrossAttempts(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := operation.Memory()
		work := func(ctx context.Context, run *paintRun) (*paintResult, error) {
			var saved int
			if _, err := run.Checkpoint(&saved); err != nil || saved != 2*(run.Attempt()-1) {
				t.Errorf("attempt %d: the checkpoint is %d, %v", run.Attempt(), saved, err)
			}
			for range 2 {
				saved++
				if err := run.Save(ctx, saved, done(saved)); err != nil {
					t.Errorf("Save returned %v", err)
				}
			}
			if run.Attempt() == 1 {
				return nil, operation.TryAgain(errors.New("no paint"), time.Second)
			}
			return wrapperspb.String("painted"), nil
		}
		s := open(t, store, runtime.Operation{}, work)
		defer s.stop()
		if _, record := s.end(t.Context(), s.start(t.Context(), ``).GetName()); record.Saves != 4 {
			t.Errorf("the number of the last save is %d, want 4", record.Saves)
		}
	})
}

func TestWritesWaitWhileTheStoreIsAway(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &flaky{Store: operation.Memory()}
		away := func() {
			store.breaks(always)
			time.AfterFunc(20*time.Second, func() { store.breaks(nil) })
		}
		s := open(t, store, runtime.Operation{Lease: 30 * time.Second}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			away()
			if err := run.Save(ctx, 1, done(1)); err != nil {
				t.Errorf("Save returned %v", err)
			}
			time.Sleep(time.Minute)
			away()
			return wrapperspb.String("painted"), nil
		})
		defer s.stop()
		op := s.start(t.Context(), ``)
		time.Sleep(3 * time.Minute)
		if state, record := s.end(t.Context(), op.GetName()); unpackText(t, state.Response) != "painted" || record.Attempt != 1 {
			t.Errorf("ended with %v in attempt %d", state, record.Attempt)
		}
	})
}

func TestAStoreThatIsAwayIsUnavailable(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &flaky{Store: operation.Memory()}
		s := open(t, store, runtime.Operation{}, result("", nil))
		defer s.stop()
		store.breaks(always)
		_, start := s.method.Start(t.Context(), s.m, nil)
		_, get := s.m.Get(t.Context(), "operations/1")
		for _, err := range []error{start, get} {
			if status.Code(err) != codes.Unavailable || rpcerr.ReasonOf(err) != operation.ReasonStoreUnavailable || strings.Contains(status.Convert(err).Message(), "refused") {
				t.Errorf("got %v", err)
			}
		}
		time.Sleep(10 * time.Second)
		store.breaks(nil)
		s.end(t.Context(), s.start(t.Context(), ``).GetName())
	})
}

func TestCancelledWorkIsCancelled(t *testing.T) {
	for name, work := range map[string]paintWork{
		"returns the cause": untilAsked,
		"returns another error": func(ctx context.Context, _ *paintRun) (*paintResult, error) {
			<-ctx.Done()
			return nil, errors.New("pipe")
		},
		"returns what Save said": func(ctx context.Context, run *paintRun) (*paintResult, error) {
			<-ctx.Done()
			return nil, run.Save(ctx, 1, nil)
		},
		"panics": func(ctx context.Context, _ *paintRun) (*paintResult, error) { <-ctx.Done(); panic("broken") },
		"wants to be tried again": func(ctx context.Context, _ *paintRun) (*paintResult, error) {
			<-ctx.Done()
			return nil, operation.TryAgain(ctx.Err(), 0)
		},
	} {
		for _, where := range []string{"here", "here, with a store without watches", "by another manager", "by another manager, with a store without watches"} {
			inTime(t, func(t *testing.T) {
				store := &flaky{Store: operation.Memory(), noWatch: strings.HasSuffix(where, "without watches")}
				s := open(t, store, runtime.Operation{}, work)
				defer s.stop()
				op := s.start(t.Context(), ``)
				time.Sleep(time.Second)
				canceller, began := s.m, time.Now()
				if !strings.HasPrefix(where, "here") {
					canceller = operation.NewManager(store)
				}
				got, err := canceller.Cancel(t.Context(), op.GetName())
				if err != nil || got.Done() || got.CancelTime.IsZero() {
					t.Errorf("%s: Cancel returned %+v, %v", name, got, err)
				}
				state, record := s.end(t.Context(), op.GetName())
				if state.Status.GetCode() != int32(codes.Canceled) || rpcerr.ReasonOf(status.FromProto(state.Status).Err()) != operation.ReasonCancelled || record.Attempt != 1 {
					t.Errorf("%s, %s: ended with %v", name, where, state.Status)
				}
				longest := 10*time.Second + operation.DefaultPoll // until the next renewal, and until Wait looks again
				if !store.noWatch {
					longest = 0
				} else if canceller == s.m {
					longest = operation.DefaultPoll
				}
				if took := time.Since(began); took > longest {
					t.Errorf("%s, %s: it took %v", name, where, took)
				}
				if m := shown(t, state); field(m, "requested_cancellation") != "true" {
					t.Errorf("metadata: %v", m)
				}
			})
		}
	}
}

func TestAResultCountsThoughTheOperationIsCancelled(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, _ *paintRun) (*paintResult, error) {
			<-ctx.Done()
			return wrapperspb.String("painted"), nil
		})
		defer s.stop()
		op := s.start(t.Context(), ``)
		synctest.Wait()
		if _, err := s.m.Cancel(t.Context(), op.GetName()); err != nil {
			t.Fatal(err)
		}
		state, _ := s.end(t.Context(), op.GetName())
		if unpackText(t, state.Response) != "painted" {
			t.Errorf("ended with %v", state)
		}
		if again, err := s.m.Cancel(t.Context(), op.GetName()); err != nil || len(again.Response) == 0 {
			t.Errorf("Cancel of the done operation returned %+v, %v", again, err)
		}
	})
}

func TestAnOperationThatWaitsForAWorkerIsCancelledAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked, operation.WithWorkers(1))
		defer s.stop()
		s.start(t.Context(), ``)
		synctest.Wait()
		op := s.start(t.Context(), ``)
		if got, err := s.m.Cancel(t.Context(), op.GetName()); err != nil || !got.Done() {
			t.Errorf("Cancel returned %+v, %v, want it done", got, err)
		}
	})
}

func TestAnOperationEndsWhenItsTimeIsUp(t *testing.T) {
	inTime(t, func(t *testing.T) {
		policy := runtime.Operation{Timeout: time.Minute, MaxAttempts: 10}
		s := open(t, operation.Memory(), policy, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			if run.Attempt() == 1 {
				time.Sleep(30 * time.Second)
				return nil, operation.TryAgain(errors.New("again"), time.Second)
			}
			return untilAsked(ctx, run)
		}, operation.WithWorkers(1))
		defer s.stop()
		s.start(t.Context(), ``)
		began := time.Now()
		op := s.start(t.Context(), ``)
		state, _ := s.end(t.Context(), op.GetName())
		if state.Status.GetCode() != int32(codes.DeadlineExceeded) || rpcerr.ReasonOf(status.FromProto(state.Status).Err()) != operation.ReasonTimeout {
			t.Errorf("ended with %v", state.Status)
		}
		if took := time.Since(began); took < 90*time.Second || took > 2*time.Minute {
			t.Errorf("it took %v, want a minute from when it was begun", took)
		}
	})
}

func TestStoppingGivesOperationsBack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := operation.Memory()
		one := open(t, store, runtime.Operation{Lease: time.Hour}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			for i := 0; ; i++ {
				time.Sleep(time.Second)
				if err := run.Save(ctx, i+1, done(i+1)); err != nil {
					if context.Cause(ctx) != operation.ErrStopping || !errors.Is(err, operation.ErrStopping) {
						t.Errorf("Save returned %v, the cause is %v", err, context.Cause(ctx))
					}
					return nil, err
				}
			}
		})
		op := one.start(t.Context(), ``)
		time.Sleep(2500 * time.Millisecond)
		if err := one.stop(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		waiting := one.start(t.Context(), ``)
		synctest.Wait()
		if got, _ := one.m.Get(t.Context(), waiting.GetName()); got.Attempt != 0 {
			t.Error("a manager that has stopped works on an operation")
		}
		began := time.Now()
		two := open(t, store, runtime.Operation{}, func(_ context.Context, run *paintRun) (*paintResult, error) {
			next := 0
			found, err := run.Checkpoint(&next)
			if run.Name() == op.GetName() && (!found || next != 3 || run.Attempt() != 1 || field(run.Metadata(), "walls_done") != "3") {
				t.Errorf("it goes on from %d in attempt %d with %v", next, run.Attempt(), run.Metadata())
			}
			return wrapperspb.String("painted"), err
		})
		defer two.stop()
		if state, _ := two.end(t.Context(), op.GetName()); unpackText(t, state.Response) != "painted" || time.Since(began) > 0 {
			t.Errorf("after %v it ended with %v", time.Since(began), state)
		}
	})
}

func TestWorkHasTheContextOfItsCallButNotItsEnd(t *testing.T) {
	type key struct{}
	inTime(t, func(t *testing.T) {
		check := func(here bool) paintWork {
			return func(ctx context.Context, _ *paintRun) (*paintResult, error) {
				time.Sleep(time.Minute)
				origin := runtime.OriginOf(ctx)
				if origin.RequestID != "call-of-ada" || origin.Principal == nil || origin.Principal.ID != "ada" || !origin.Principal.HasScope("paint") {
					t.Errorf("here: %v: the origin is %+v", here, origin)
				}
				if trace := metadata.ValueFromIncomingContext(ctx, "traceparent"); len(trace) != 1 || trace[0] != "00-1-2-01" {
					t.Errorf("here: %v: the trace is %v", here, trace)
				}
				if _, limited := ctx.Deadline(); limited || ctx.Err() != nil || (ctx.Value(key{}) != nil) != here {
					t.Errorf("here: %v: deadline: %v, error: %v, value: %v", here, limited, ctx.Err(), ctx.Value(key{}))
				}
				return wrapperspb.String(""), nil
			}
		}
		for _, here := range []bool{true, false} {
			store := operation.Memory()
			call, end := context.WithTimeout(context.WithValue(by(t.Context(), "ada"), key{}, "value"), time.Second)
			call = metadata.NewIncomingContext(call, metadata.Pairs("traceparent", "00-1-2-01"))
			var starter, worker *shop
			if here {
				starter = open(t, store, runtime.Operation{}, check(here))
				worker = starter
			} else {
				starter = open(t, store, runtime.Operation{}, nil, operation.WithStartOnly())
				worker = open(t, store, runtime.Operation{}, check(here))
			}
			op := starter.start(call, ``)
			end()
			worker.end(by(t.Context(), "ada"), op.GetName())
			starter.stop()
			worker.stop()
		}
	})
}

func TestMisuseIsReturnedByRun(t *testing.T) {
	quiet := operation.WithLogger(slog.New(slog.DiscardHandler))
	twice := operation.NewManager(operation.Memory(), quiet)
	painting(runtime.Operation{}).Handle(twice, untilAsked)
	painting(runtime.Operation{}).Handle(twice, untilAsked)
	for want, m := range map[string]*operation.Manager{
		"call Handle once":       twice,
		"the store is nil":       operation.NewManager(nil, quiet),
		"WithWorkers(0)":         operation.NewManager(operation.Memory(), operation.WithWorkers(0)),
		"WithPollInterval(-1ns)": operation.NewManager(operation.Memory(), operation.WithPollInterval(-1)),
		"WithLogger(nil)":        operation.NewManager(operation.Memory(), operation.WithLogger(nil)),
		`NamePrefix("/a/")`:      operation.NewManager(operation.Memory(), operation.WithNamePrefix("/a/")),
		"WithBackoff(1s, 1ns)":   operation.NewManager(operation.Memory(), operation.WithBackoff(time.Second, 1)),
		"pass two functions":     operation.NewManager(operation.Memory(), operation.WithPropagation(nil, nil)),
	} {
		if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %s", err, want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m := operation.NewManager(operation.Memory(), quiet)
	if err := m.Run(ended); err != nil {
		t.Error(err)
	}
	if err := m.Run(ended); err == nil {
		t.Error("a manager runs twice")
	}
}

func TestExpiredOperationsAreRemoved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{Retain: time.Hour}, result("", nil))
		defer s.stop()
		op := s.start(t.Context(), ``)
		s.end(t.Context(), op.GetName())
		time.Sleep(59 * time.Minute)
		if _, err := s.m.Get(t.Context(), op.GetName()); err != nil {
			t.Errorf("before its time is over: %v", err)
		}
		time.Sleep(3 * time.Minute)
		if _, err := s.m.Get(t.Context(), op.GetName()); rpcerr.ReasonOf(err) != operation.ReasonNotFound {
			t.Errorf("after its time is over: %v", err)
		}
	})
}

func TestCancelledWorkIsNotBegunAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := operation.Memory()
		lost := operation.NewManager(store, operation.WithStartOnly())
		method := painting(runtime.Operation{Lease: time.Minute})
		op, err := method.Start(t.Context(), lost, &paintRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if claimed, err := store.Claim(t.Context(), []string{"/paint.v1.Painter/PaintWalls"}, 1); len(claimed) != 1 { // by a process that is killed
			t.Fatal(claimed, err)
		}
		if got, err := lost.Cancel(t.Context(), op.GetName()); err != nil || got.Done() {
			t.Fatalf("Cancel returned %+v, %v", got, err)
		}
		s := open(t, store, runtime.Operation{}, func(context.Context, *paintRun) (*paintResult, error) {
			t.Error("its work has begun again")
			return &paintResult{}, nil
		})
		defer s.stop()
		if state, _ := s.end(t.Context(), op.GetName()); state.Status.GetCode() != int32(codes.Canceled) {
			t.Errorf("ended with %v", state)
		}
	})
}
