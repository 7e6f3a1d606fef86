package operation_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// calls are the manager's methods that take a name.
func calls(m *operation.Manager) map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{
		"Get":    func(ctx context.Context, name string) error { _, err := m.Get(ctx, name); return err },
		"Cancel": func(ctx context.Context, name string) error { _, err := m.Cancel(ctx, name); return err },
		"Wait":   func(ctx context.Context, name string) error { _, err := m.Wait(ctx, name); return err },
		"Delete": m.Delete,
	}
}

func TestOperationsOfOthersLookAsIfThereWereNone(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		name := s.start(by(t.Context(), "ada"), ``).GetName()
		for what, call := range calls(s.m) {
			for _, who := range []context.Context{by(t.Context(), "eve"), t.Context()} {
				theirs, none := call(who, name), call(who, strings.Replace(name, "operations/", "operations/x", 1))
				if status.Code(theirs) != codes.NotFound || rpcerr.ReasonOf(theirs) != operation.ReasonNotFound {
					t.Errorf("%s of another's operation returned %v", what, theirs)
				}
				if got, want := status.Convert(theirs).Message(), strings.Replace(status.Convert(none).Message(), "/x", "/", 1); got != want {
					t.Errorf("%s tells an operation of another, %q, from none, %q", what, got, want)
				}
			}
		}
		if ops, _, err := s.m.List(by(t.Context(), "eve"), operation.Query{}); err != nil || len(ops) != 0 {
			t.Errorf("List returned %v, %v", ops, err)
		}
		if op, err := s.m.Get(by(t.Context(), "ada"), name); err != nil || op.Done() || !op.CancelTime.IsZero() {
			t.Errorf("others have changed it: %+v, %v", op, err)
		}
	})
}

func TestAuthorizeSaysWhoMayAccess(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked, operation.WithAuthorizer(func(ctx context.Context, op *operation.Record) error {
			if id := runtime.OriginOf(ctx).Principal.ID; id != "admin" && id != op.Principal {
				return errors.New("secret")
			}
			return nil
		}))
		defer s.stop()
		var names []string
		for range 5 {
			for _, who := range []string{"ada", "eve"} {
				names = append(names, s.start(by(t.Context(), who), ``).GetName())
			}
		}
		slices.Sort(names)
		for who, want := range map[string]int{"ada": 5, "eve": 5, "admin": 10, "mallory": 0} {
			for _, limit := range []int{1, 3, 5, 100} {
				if got := listed(t, s.m, by(t.Context(), who), limit); len(got) != want || who == "admin" && !slices.Equal(got, names) {
					t.Errorf("%s sees %v, %d at a time, want %d", who, got, limit, want)
				}
			}
		}
		if _, err := s.m.Get(by(t.Context(), "mallory"), names[0]); status.Code(err) != codes.NotFound || strings.Contains(status.Convert(err).Message(), "secret") {
			t.Errorf("Get returned %v", err)
		}
	})
}

// listed returns the names of all operations that a caller sees, in pages.
func listed(t *testing.T, m *operation.Manager, ctx context.Context, limit int) (names []string) {
	t.Helper()
	for q := (operation.Query{Limit: limit}); ; {
		ops, next, err := m.List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(ops) > limit {
			t.Fatalf("a page of %d has %d", limit, len(ops))
		}
		for _, op := range ops {
			names = append(names, op.Name)
		}
		if next == "" {
			return names
		}
		q.After = next
	}
}

func TestWaitReturnsWhatItSawWhenItsContextEnds(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		name := s.start(t.Context(), ``).GetName()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if op, err := s.m.Wait(ctx, name); err != nil || op.Name != name || op.Done() || ctx.Err() == nil {
			t.Errorf("Wait returned %+v, %v", op, err)
		}
	})
}

func TestWaitReturnsAtOnceWhenTheOperationEnds(t *testing.T) {
	for _, noWatch := range []bool{false, true} {
		inTime(t, func(t *testing.T) {
			store := &flaky{Store: operation.Memory(), noWatch: noWatch}
			s := open(t, store, runtime.Operation{}, func(context.Context, *paintRun) (*paintResult, error) {
				time.Sleep(time.Minute + 1)
				return &paintResult{}, nil
			})
			defer s.stop()
			began := time.Now()
			s.end(t.Context(), s.start(t.Context(), ``).GetName())
			if took := time.Since(began); took != time.Minute+1 && (!noWatch || took > time.Minute+operation.DefaultPoll) {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestADeletedOperationRunsToItsEnd(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ended := make(chan bool, 1)
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			time.Sleep(time.Minute)
			err := run.Save(ctx, 1, nil)
			ended <- err == nil && ctx.Err() == nil
			return &paintResult{}, err
		})
		defer s.stop()
		name := s.start(t.Context(), ``).GetName()
		synctest.Wait()
		if err := s.m.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.m.Get(t.Context(), name); status.Code(err) != codes.NotFound {
			t.Errorf("Get returned %v", err)
		}
		if !<-ended {
			t.Error("its work was ended")
		}
	})
}

// counting is a store that counts the records that it lists.
type counting struct {
	operation.Store
	listed int
}

func (c *counting) List(ctx context.Context, q operation.Query) ([]*operation.Record, bool, error) {
	found, more, err := c.Store.List(ctx, q)
	c.listed += len(found)
	return found, more, err
}

func TestAListDoesNotReadTheWholeStoreForNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &counting{Store: operation.Memory()}
		s := open(t, store, runtime.Operation{}, nil, operation.WithStartOnly(), operation.WithAuthorizer(func(context.Context, *operation.Record) error {
			return errors.New("no")
		}))
		defer s.stop()
		for range 300 {
			s.start(t.Context(), ``)
		}
		ops, next, err := s.m.List(t.Context(), operation.Query{Limit: 10})
		if err != nil || len(ops) != 0 || next == "" || store.listed > 100 {
			t.Errorf("List has read %d records and returned %v, %q, %v", store.listed, ops, next, err)
		}
		if got := listed(t, s.m, t.Context(), 10); len(got) != 0 {
			t.Errorf("List returned %v", got)
		}
	})
}

func TestAListMayHaveAnyLimit(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, nil, operation.WithStartOnly())
	defer s.stop()
	s.start(t.Context(), ``)
	for _, limit := range []int{math.MinInt, -1, 0, math.MaxInt} {
		if ops, next, err := s.m.List(t.Context(), operation.Query{Limit: limit}); err != nil || len(ops) != 1 || next != "" {
			t.Errorf("limit %d: %v, %q, %v", limit, ops, next, err)
		}
	}
}

// A principal without an ID is not every caller that is not authenticated.
func TestPrincipalsWithoutAnIDOwnNoOperations(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		name := s.start(t.Context(), ``).GetName()
		for what, principal := range map[string]*runtime.Principal{"NewPrincipal": runtime.NewPrincipal(""), "literal": {}} {
			ctx := runtime.WithOrigin(t.Context(), runtime.Origin{Principal: principal})
			for call, f := range calls(s.m) {
				if err := f(ctx, name); status.Code(err) != codes.NotFound {
					t.Errorf("%s: %s returned %v", what, call, err)
				}
			}
			if ops, _, err := s.m.List(ctx, operation.Query{}); err != nil || len(ops) != 0 {
				t.Errorf("%s: List returned %v, %v", what, ops, err)
			}
			if op, err := s.method.Start(ctx, s.m, request(t, ``)); status.Code(err) != codes.Internal {
				t.Errorf("%s: Start returned %v, %v", what, op, err)
			}
		}
	})
}
