package operation_test

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestACheckpointIsReadAsItWasSaved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		type place struct{ Wall, Row int }
		for name, test := range map[string]struct {
			save any
			into any
			want string // of what is read, or of the error
		}{
			"a number":               {7, new(int), "7"},
			"a struct":               {place{1, 2}, &place{}, "{1 2}"},
			"a message":              {wrapperspb.String("wall"), &wrapperspb.StringValue{}, `value:"wall"`},
			"another type":           {7, &place{}, "cannot unmarshal"},
			"JSON into a message":    {7, &wrapperspb.StringValue{}, "saved as another type"},
			"a message into another": {durationpb.New(time.Second), new(int), "saved as another type"},
			"nothing":                {nil, new(int), "0"},
		} {
			read := ""
			s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
				if run.Attempt() == 1 {
					if found, err := run.Checkpoint(test.into); found || err != nil {
						t.Errorf("%s: there is one before anything was saved: %v, %v", name, found, err)
					}
					if err := run.Save(ctx, test.save, nil); err != nil {
						t.Error(err)
					}
					return nil, operation.TryAgain(errors.New("again"), time.Second)
				}
				found, err := run.Checkpoint(test.into)
				if found != (test.save != nil) {
					t.Errorf("%s: found: %v", name, found)
				}
				read = strings.Trim(strings.ReplaceAll(fmt.Sprint(test.into, err), "  ", " "), "& <nil>")
				if n, ok := test.into.(*int); ok && err == nil {
					read = strconv.Itoa(*n)
				}
				return &paintResult{}, nil
			})
			s.end(t.Context(), s.start(t.Context(), ``).GetName())
			if !strings.Contains(read, test.want) {
				t.Errorf("%s: read %q, want %q", name, read, test.want)
			}
			s.stop()
		}
	})
}

func TestTheFenceGrowsWithEachClaim(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var fences []int64
		work := func(_ context.Context, run *paintRun) (*paintResult, error) {
			if fences = append(fences, run.Fence()); len(fences) < 3 {
				return nil, operation.TryAgain(errors.New("again"), time.Second)
			}
			return &paintResult{}, nil
		}
		s := open(t, operation.Memory(), runtime.Operation{}, work)
		s.end(t.Context(), s.start(t.Context(), ``).GetName())
		s.stop()
		if len(fences) != 3 || fences[0] >= fences[1] || fences[1] >= fences[2] {
			t.Errorf("the attempts had the fences %v, want 3 that grow", fences)
		}
	})
}

func TestWhatCannotBeSavedIsAMistake(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			return nil, run.Save(ctx, func() {}, nil)
		})
		defer s.stop()
		state, _ := s.end(t.Context(), s.start(t.Context(), ``).GetName())
		if state.Status.GetCode() != int32(codes.Internal) || state.Status.GetMessage() != "internal error" {
			t.Errorf("ended with %v", state.Status)
		}
	})
}

func TestSavedMetadataIsShown(t *testing.T) {
	inTime(t, func(t *testing.T) {
		saved := make(chan bool)
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			before := run.Metadata()
			if err := run.Save(ctx, nil, done(3)); err != nil {
				return nil, err
			}
			if field(before, "walls_done") != "0" || field(run.Metadata(), "walls_done") != "3" {
				t.Errorf("metadata: %v before, %v after", before, run.Metadata())
			}
			saved <- true
			<-saved
			run.Failed(1, rpcerr.Reason("paint.v1/WET").Errorf(codes.FailedPrecondition, "wet").WithCause(errors.New("secret")))
			run.Failed(2, errors.New("secret"))
			run.Failed(2, nil)
			return &paintResult{}, nil
		})
		defer s.stop()
		name := s.start(t.Context(), ``).GetName()
		<-saved
		op, err := s.m.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		state, err := op.State()
		if err != nil {
			t.Fatal(err)
		}
		if m := shown(t, state); field(m, "walls_done") != "3" || field(m, "verb") != "paint" {
			t.Errorf("it shows %v", m)
		}
		saved <- true
		state, _ = s.end(t.Context(), name)
		if got, text := failures(t, state), string(state.Metadata.GetValue()); got != "1:9" || !strings.Contains(text, "WET") || strings.Contains(text, "secret") {
			t.Errorf("failures: %q in %q", got, text)
		}
	})
}

func TestFailuresNeedAField(t *testing.T) {
	inTime(t, func(t *testing.T) {
		method := operation.Of[paintResult, wrapperspb.StringValue](runtime.MethodInfo{FullMethod: "/paint.v1.Painter/PaintWalls"}, painter.Paint, operation.Fields{})
		s := open(t, operation.Memory(), runtime.Operation{}, nil)
		defer s.stop()
		method.Handle(s.m, func(_ context.Context, run *operation.Run[paintRequest, wrapperspb.StringValue]) (*paintResult, error) {
			run.Failed(1, errors.New("wet"))
			return &paintResult{}, nil
		})
		op, err := method.Start(t.Context(), s.m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if state, _ := s.end(t.Context(), op.GetName()); state.Status.GetCode() != int32(codes.Internal) {
			t.Errorf("ended with %v", state)
		}
	})
}

// paintWalls is a work that paints each wall of the request by each, and returns what it got.
func paintWalls(each func(ctx context.Context, wall string) (*paintResult, error), opts ...operation.EachOption) paintWork {
	return func(ctx context.Context, run *paintRun) (*paintResult, error) {
		list := run.Request().ProtoReflect()
		walls := list.Get(list.Descriptor().Fields().ByName("walls")).List()
		names := make([]string, walls.Len())
		for i := range names {
			names[i] = walls.Get(i).String()
		}
		painted, err := operation.Each(ctx, run, names, each, opts...)
		var text []string
		for _, p := range painted {
			text = append(text, p.GetValue())
		}
		return wrapperspb.String(strings.Join(text, " ")), err
	}
}

// byName paints a wall as its name says.
func byName(_ context.Context, wall string) (*paintResult, error) {
	time.Sleep(time.Duration(len(wall)) * time.Second)
	switch {
	case strings.HasPrefix(wall, "wet"):
		return nil, status.Error(codes.FailedPrecondition, wall)
	case wall == "broken":
		panic("secret")
	case wall == "goexit":
		goruntime.Goexit()
	}
	return wrapperspb.String(wall), nil
}

func TestEachSucceedsInPart(t *testing.T) {
	for name, test := range map[string]struct{ walls, want, failed string }{
		"all":      {`walls: ["long one", "b", "c", "d"]`, "long one b c d", ""},
		"some":     {`walls: ["wet wall", "b", "broken", "d", "wet"]`, "b d", "0:9 2:13 4:9"},
		"none":     {`walls: ["wet", "broken"]`, "", "0:9 1:13"},
		"no child": {``, "", ""},
		"goexit":   {`walls: ["goexit", "goexit", "c", "goexit", "goexit"]`, "c", "0:13 1:13 3:13 4:13"},
	} {
		inTime(t, func(t *testing.T) {
			s := open(t, operation.Memory(), runtime.Operation{}, paintWalls(byName))
			defer s.stop()
			state, _ := s.end(t.Context(), s.start(t.Context(), test.walls).GetName())
			if name == "none" {
				const words = "None of the requests succeeded, refer to the PaintMetadata.failed_requests for individual error details"
				if state.Status.GetCode() != int32(codes.Aborted) || state.Status.GetMessage() != words {
					t.Errorf("%s: ended with %v", name, state.Status)
				}
			} else if got := unpackText(t, state.Response); got != test.want {
				t.Errorf("%s: painted %q, want %q", name, got, test.want)
			}
			if got := failures(t, state); got != test.failed {
				t.Errorf("%s: failed %q, want %q", name, got, test.failed)
			}
		})
	}
}

// failures returns the indexes and the codes in failed_requests.
func failures(t *testing.T, state *operation.State) string {
	t.Helper()
	m := shown(t, state).ProtoReflect()
	failed := m.Get(m.Descriptor().Fields().ByName("failed_requests")).Map()
	var text []string
	for i := range int32(100) {
		if f := failed.Get(indexKey(i)); f.IsValid() {
			r := f.Message()
			text = append(text, fmt.Sprintf("%d:%d", i, r.Get(r.Descriptor().Fields().ByName("code")).Int()))
		}
	}
	return strings.Join(text, " ")
}

func TestEachGoesOnFromWhatWasSaved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := make(map[string]int)
		each := func(ctx context.Context, wall string) (*paintResult, error) {
			mu.Lock()
			calls[wall]++
			first := calls[wall] == 1
			mu.Unlock()
			if wall == "slow" && first {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return byName(ctx, wall)
		}
		store := operation.Memory()
		one := open(t, store, runtime.Operation{}, paintWalls(each, operation.WithSaveInterval(time.Hour)))
		name := one.start(t.Context(), `walls: ["a", "wet", "slow", "b"]`).GetName()
		time.Sleep(30 * time.Second)
		one.stop()
		two := open(t, store, runtime.Operation{}, paintWalls(each))
		defer two.stop()
		state, record := two.end(t.Context(), name)
		if unpackText(t, state.Response) != "a slow b" || failures(t, state) != "1:9" || record.Attempt != 1 {
			t.Errorf("ended with %v, %q, in attempt %d", state, failures(t, state), record.Attempt)
		}
		if fmt.Sprint(calls) != "map[a:1 b:1 slow:2 wet:1]" {
			t.Errorf("calls: %v, want each child that was done to be left alone", calls)
		}
	})
}

func TestEachSavesNowAndThen(t *testing.T) {
	inTime(t, func(t *testing.T) {
		for every, want := range map[time.Duration]int64{0: 5, time.Second: 5, 3 * time.Second: 1, time.Hour: 0} {
			var saves atomic.Int64
			store := &flaky{Store: operation.Memory()}
			store.breaks(func(call string) error {
				if call == "save" {
					saves.Add(1)
				}
				return nil
			})
			s := open(t, store, runtime.Operation{}, paintWalls(byName, operation.WithConcurrency(1), operation.WithSaveInterval(every)))
			s.end(t.Context(), s.start(t.Context(), `walls: ["a", "b", "c", "d", "e"]`).GetName())
			if saves.Load() != want {
				t.Errorf("every %v: saved %d times, want %d", every, saves.Load(), want)
			}
			s.stop()
		}
	})
}

func TestEachWorksOnAFewAtATime(t *testing.T) {
	for opts, want := range map[*operation.EachOption]int64{nil: 3, new(operation.EachOption): 2} {
		inTime(t, func(t *testing.T) {
			var now, most atomic.Int64
			each := func(context.Context, string) (*paintResult, error) {
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				return &paintResult{}, nil
			}
			work := paintWalls(each)
			if opts != nil {
				work = paintWalls(each, operation.WithConcurrency(2))
			}
			s := open(t, operation.Memory(), runtime.Operation{}, work)
			defer s.stop()
			s.end(t.Context(), s.start(t.Context(), `walls: ["a", "b", "c", "d", "e", "f", "g"]`).GetName())
			if most.Load() != want {
				t.Errorf("%d at a time, want %d", most.Load(), want)
			}
		})
	}
}

func TestEachEndsWithTheOperation(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, paintWalls(func(ctx context.Context, wall string) (*paintResult, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}))
		defer s.stop()
		name := s.start(t.Context(), `walls: ["a", "b", "c", "d", "e", "f", "g"]`).GetName()
		time.Sleep(time.Second)
		if _, err := s.m.Cancel(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if state, _ := s.end(t.Context(), name); state.Status.GetCode() != int32(codes.Canceled) || failures(t, state) != "" {
			t.Errorf("ended with %v, failed: %q", state.Status, failures(t, state))
		}
	})
}

func TestEachSavesThoughNoOtherChildEnds(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, paintWalls(func(ctx context.Context, wall string) (*paintResult, error) {
			if wall == "slow" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return wrapperspb.String(wall), nil
		}, operation.WithSaveInterval(10*time.Second)))
		defer s.stop()
		name := s.start(t.Context(), `walls: ["a", "slow"]`).GetName()
		time.Sleep(11 * time.Second)
		if op, err := s.m.Get(t.Context(), name); err != nil || len(op.Checkpoint) == 0 {
			t.Errorf("after 11 s nothing is saved of the child that ended at once: %+v, %v", op, err)
		}
	})
}

func TestEachTriesAChildAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := make(map[string]int)
		s := open(t, operation.Memory(), runtime.Operation{MaxAttempts: 2}, paintWalls(func(_ context.Context, wall string) (*paintResult, error) {
			mu.Lock()
			defer mu.Unlock()
			calls[wall]++
			if wall == "never" || wall == "later" && calls[wall] == 1 {
				return nil, operation.TryAgain(status.Error(codes.Unavailable, "no paint"), time.Minute)
			}
			return wrapperspb.String(wall), nil
		}))
		defer s.stop()
		state, record := s.end(t.Context(), s.start(t.Context(), `walls: ["never", "later", "a"]`).GetName())
		if unpackText(t, state.Response) != "later a" || failures(t, state) != "0:14" || record.Attempt != 2 {
			t.Errorf("ended with %v, %q in attempt %d", state, failures(t, state), record.Attempt)
		}
		if fmt.Sprint(calls) != "map[a:1 later:2 never:2]" {
			t.Errorf("calls: %v", calls)
		}
	})
}

// counted shows in the metadata how many walls are done.
func counted(m *paintMetadata, ended, _ int) { done(ended)(m) }

func TestEachShowsItsProgress(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store, gate := operation.Memory(), make(chan struct{})
		each := func(ctx context.Context, wall string) (*paintResult, error) {
			if wall != "slow" {
				return byName(ctx, wall)
			}
			select {
			case <-gate:
				return &paintResult{}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		seen := func(s *shop, name, want string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			op, err := s.m.Get(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			state, err := op.State()
			if err != nil {
				t.Fatal(err)
			}
			if got := field(shown(t, state), "walls_done"); got != want {
				t.Errorf("%s walls are done, want %s", got, want)
			}
		}
		one := open(t, store, runtime.Operation{}, paintWalls(each, operation.WithProgress(counted)))
		name := one.start(t.Context(), `walls: ["a", "wet", "slow", "b"]`).GetName()
		seen(one, name, "3")
		one.stop()
		two := open(t, store, runtime.Operation{}, paintWalls(each, operation.WithProgress(counted)))
		defer two.stop()
		seen(two, name, "3")
		close(gate)
		if state, _ := two.end(t.Context(), name); field(shown(t, state), "walls_done") != "4" {
			t.Errorf("ended with %v", shown(t, state))
		}
	})
}

func TestProgressThatCannotBeShownEndsTheOperation(t *testing.T) {
	for name, option := range map[string]operation.EachOption{
		"of other metadata": operation.WithProgress(func(*wrapperspb.Int64Value, int, int) { t.Error("it is called") }),
		"that panics":       operation.WithProgress(func(*paintMetadata, int, int) { panic("secret") }),
	} {
		for _, every := range []time.Duration{0, 1500 * time.Millisecond, time.Hour} {
			inTime(t, func(t *testing.T) {
				s := open(t, operation.Memory(), runtime.Operation{}, paintWalls(byName, option, operation.WithSaveInterval(every)))
				defer s.stop()
				state, _ := s.end(t.Context(), s.start(t.Context(), `walls: ["a", "long"]`).GetName())
				if codes.Code(state.Status.GetCode()) != codes.Internal || state.Status.GetMessage() != "internal error" {
					t.Errorf("%s, every %v: ended with %v", name, every, state)
				}
			})
		}
	}
}
