package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// local calls an implementation as over a connection: what a client sends as metadata arrives.
func local(impl events) events {
	return func(ctx context.Context, req *request) runtime.Stream[event] {
		sent, _ := metadata.FromOutgoingContext(ctx)
		return impl(metadata.NewIncomingContext(ctx, sent), req)
	}
}

var errCut = status.Error(codes.Unavailable, "cut")

// cutting serves a log, and cuts the n-th connection off after limits[n] messages, marks included,
// with errors[n].
type cutting struct {
	log     *eventlog.Log[event]
	limits  []int
	errors  []error
	calls   int
	started []time.Time
}

func (c *cutting) Subscribe(ctx context.Context, req *request) runtime.Stream[event] {
	return func(yield func(*event, error) bool) {
		n := c.calls
		c.calls++
		c.started = append(c.started, time.Now())
		sent := 0
		for e, err := range subscribe.Serve(ctx, req, c.log) {
			if n < len(c.limits) && sent == c.limits[n] {
				yield(nil, c.errors[n%len(c.errors)])
				return
			}
			if sent++; !yield(e, err) {
				return
			}
		}
	}
}

// collect resumes until n events are there or the loop ends.
func collect(ctx context.Context, svc events, req *request, n int, opts ...subscription.ResumeOption) ([]*event, error) {
	return receive(subscribe.Resume(ctx, local(svc), req, opts...), n)
}

func TestResumeContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 20)
		c := &cutting{log: log, limits: []int{3, 1, 1, 0, 10}, errors: []error{errCut}}
		req := start(t, log)
		before := req.GetPosition()
		got, err := collect(t.Context(), c.Subscribe, req, 20)
		wantRange(t, got, err, 1, 20)
		if c.calls != 6 || req.GetPosition() != before {
			t.Errorf("%d calls, and the request is %v", c.calls, req)
		}
	})
}

// TestAnIdleClientMovesOn checks that a client that got no event goes on from where its first
// connection was.
func TestAnIdleClientMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 5)
		var svc events = func(ctx context.Context, req *request) runtime.Stream[event] {
			return func(yield func(*event, error) bool) {
				for e, err := range subscribe.Serve(ctx, req, log) {
					if !yield(e, err) {
						return
					}
					if req.GetPosition() == "" {
						add(t, log, 6, 9) // while the client is away
						yield(nil, errCut)
						return
					}
				}
			}
		}
		got, err := collect(t.Context(), svc, nil, 4)
		wantRange(t, got, err, 6, 9)
	})
}

func TestResumeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 10)
		c := &cutting{log: log, limits: []int{1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, errors: []error{errCut}}
		got, err := collect(t.Context(), c.Subscribe, start(t, log), 10)
		wantRange(t, got, err, 1, 10)
		for i := range c.started[1:] {
			longest := min(100*time.Millisecond<<max(0, i-1), 5*time.Second)
			if wait := c.started[i+1].Sub(c.started[i]); wait > longest {
				t.Errorf("wait %d is %v, want at most %v", i, wait, longest)
			}
		}
		c = &cutting{log: log, limits: []int{1}, errors: []error{rpcerr.ReasonRateLimited.Errorf(codes.ResourceExhausted, "slow down").WithRetryAfter(30 * time.Second)}}
		got, err = collect(t.Context(), c.Subscribe, start(t, log), 10)
		wantRange(t, got, err, 1, 10)
		if wait := c.started[1].Sub(c.started[0]); wait < 30*time.Second {
			t.Errorf("the client came back after %v, and was asked to wait for 30 s", wait)
		}
	})
}

func TestMaxAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 10)
		none := make([]int, 100)
		for _, n := range []int{1, 2, 5} {
			c := &cutting{log: log, limits: none, errors: []error{errCut}}
			got, err := collect(t.Context(), c.Subscribe, start(t, log), 10, subscription.WithMaxAttempts(n))
			if len(got) != 0 || status.Code(err) != codes.Unavailable || c.calls != n {
				t.Errorf("got %v, %v after %d calls, want UNAVAILABLE after %d", ids(got), err, c.calls, n)
			}
			c = &cutting{log: log, limits: append([]int{4}, none...), errors: []error{errCut}}
			got, err = collect(t.Context(), c.Subscribe, start(t, log), 10, subscription.WithMaxAttempts(n))
			if len(got) != 4 || status.Code(err) != codes.Unavailable || c.calls != n+1 {
				t.Errorf("got %v, %v after %d calls, want UNAVAILABLE after %d without progress", ids(got), err, c.calls, n)
			}
		}
		// The first mark of a connection is no progress; the second is, and so is each event.
		head := &request{Position: tokenOf(t, log, 10)}
		c := &cutting{log: log, limits: []int{1, 1, 1, 1, 1, 1}, errors: []error{errCut}}
		if _, err := collect(t.Context(), c.Subscribe, head, 1, subscription.WithMaxAttempts(3)); err == nil || c.calls != 3 {
			t.Errorf("%v after %d calls, want 3", err, c.calls)
		}
		c = &cutting{log: log, limits: []int{2, 2, 2, 2, 2, 1, 1, 1}, errors: []error{errCut}}
		if _, err := collect(t.Context(), c.Subscribe, head, 1, subscription.WithMaxAttempts(3)); err == nil || c.calls != 8 {
			t.Errorf("%v after %d calls, want 8", err, c.calls)
		}
	})
}

func TestWhatEndsResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 10)
		for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
			c := &cutting{log: log, limits: []int{2}, errors: []error{status.Error(code, "x")}}
			got, err := collect(t.Context(), c.Subscribe, start(t, log), 10)
			if slices.Contains([]codes.Code{codes.Unavailable, codes.Aborted, codes.DeadlineExceeded}, code) {
				wantRange(t, got, err, 1, 10)
			} else if len(got) != 2 || status.Code(err) != code || c.calls != 1 {
				t.Errorf("after %v: got %v, %v, %d calls", code, ids(got), err, c.calls)
			}
		}
		c := &cutting{log: log, limits: []int{2}, errors: []error{status.Error(codes.Internal, "x")}}
		got, err := collect(t.Context(), c.Subscribe, start(t, log), 10, subscription.WithBackoff(client.Backoff{Codes: []codes.Code{codes.Internal}}))
		wantRange(t, got, err, 1, 10)
		var complete events = func(ctx context.Context, req *request) runtime.Stream[event] {
			return func(yield func(*event, error) bool) { yield(&event{Id: 1, NextPosition: "1"}, nil) }
		}
		got, err = collect(t.Context(), complete, nil, 10)
		wantRange(t, got, err, 1, 1)
	})
}

// away is a store that cannot be reached at times.
type away struct {
	eventlog.Store
	until time.Time
}

func (a *away) err() error {
	if time.Now().Before(a.until) {
		return fmt.Errorf("no connection: %w", context.Canceled) // of an attempt to connect
	}
	return nil
}

func (a *away) Read(ctx context.Context, p eventlog.Position, l eventlog.Limit) (eventlog.Batch, error) {
	if err := a.err(); err != nil {
		return eventlog.Batch{}, err
	}
	return a.Store.Read(ctx, p, l)
}

func (a *away) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	if err := a.err(); err != nil {
		return eventlog.Bounds{}, err
	}
	return a.Store.Bounds(ctx)
}

func (a *away) Seek(ctx context.Context, t time.Time) (eventlog.Position, error) {
	if err := a.err(); err != nil {
		return eventlog.Position{}, err
	}
	return a.Store.Seek(ctx, t)
}

// TestResumeOutlivesAnOutageOfTheStore checks that subscribers come back after an hour without the
// store, whether it goes away while they read, or before they start.
func TestResumeOutlivesAnOutageOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &away{Store: eventlog.NewMemory()}
		log := eventlog.New[event](store, eventlog.WithTail(2, 1<<20))
		add(t, log, 1, 10)
		svc := serve(t, func(ctx context.Context, req *request) runtime.Stream[event] {
			return subscribe.Serve(ctx, req, log, subscription.FromEarliest())
		})
		for name, req := range map[string]*request{
			"from the earliest": {}, "by time": {Since: timestamppb.New(time.Now().Add(-time.Hour))},
			"after a position": {Position: tokenOf(t, log, 0)},
		} {
			store.until = time.Now().Add(time.Hour)
			var got []*event
			for e, err := range subscribe.Resume(t.Context(), svc, req) {
				if err != nil {
					t.Fatalf("%s, after %v: %v", name, ids(got), err)
				}
				if got = append(got, e); len(got) == 5 {
					store.until = time.Now().Add(time.Hour)
				}
				if len(got) == 10 {
					break
				}
			}
			wantRange(t, got, nil, 1, 10)
		}
	})
}

// TestResumeEndsWithItsContext checks that nothing outlives the context, whatever the loop is
// doing.
func TestResumeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 3)
		for _, limits := range [][]int{nil, make([]int, 1000)} { // while it waits for events, and between connections
			c := &cutting{log: log, limits: limits, errors: []error{errCut}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute+time.Microsecond, cancel)
			_, err := collect(ctx, c.Subscribe, start(t, log), 10)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the error of the context", err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := &cutting{log: log, limits: make([]int, 1000), errors: []error{errCut}}
		if _, err := collect(ctx, c.Subscribe, start(t, log), 10); err == nil {
			t.Error("Resume ended without an error before its deadline")
		}
	})
}

func TestNotRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 10)
		saved := tokenOf(t, log, 2)
		if err := log.Trim(t.Context(), position(t, log, 6)); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			log    *eventlog.Log[event]
			reason rpcerr.Reason
			first  int64
		}{
			"trimmed":             {log, subscription.ReasonPositionExpired, 7},
			"another incarnation": {newLog(t, 5), subscription.ReasonPositionUnknown, 1},
		} {
			var svc events = func(ctx context.Context, req *request) runtime.Stream[event] {
				return subscribe.Serve(ctx, req, test.log)
			}
			_, err := collect(t.Context(), svc, nil, 1, subscription.WithPosition(saved))
			var lost *subscription.NotRecovered
			if !errors.As(err, &lost) || rpcerr.ReasonOf(err) != test.reason || status.Code(err) != codes.OutOfRange {
				t.Fatalf("%s: got %v", name, err)
			}
			got, err := collect(t.Context(), svc, nil, 2, subscription.WithPosition(lost.Earliest))
			wantRange(t, got, err, test.first, test.first+1)
		}
		_, err := collect(t.Context(), func(ctx context.Context, req *request) runtime.Stream[event] {
			return subscribe.Serve(ctx, req, log)
		}, nil, 1, subscription.WithPosition("forged"))
		wantInvalid(t, err, "position", subscription.ReasonPositionInvalid)
	})
}

// TestPositionsAreSavedAfterTheBody checks that a saved position is never ahead of the loop, and
// that filtered events move it.
func TestPositionsAreSavedAfterTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 4)
		for range 3 {
			if _, err := log.Append(t.Context(), &event{Type: "hidden"}); err != nil {
				t.Fatal(err)
			}
		}
		var svc events = func(ctx context.Context, req *request) runtime.Stream[event] {
			return subscribe.Serve(ctx, req, log, subscription.WithFilter(func(e *event) bool { return e.GetType() == "" }))
		}
		go func() {
			time.Sleep(time.Minute)
			add(t, log, 8, 8)
		}()
		var order []string
		for e, err := range subscribe.Resume(t.Context(), local(svc), start(t, log), subscription.WithOnPosition(func(p string) {
			for n := range uint64(9) {
				if p == tokenOf(t, log, n) {
					order = append(order, fmt.Sprintf("save %d", n))
				}
			}
		})) {
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, fmt.Sprintf("event %d", e.GetId()))
			if e.GetId() == 8 {
				break
			}
		}
		want := []string{"event 1", "save 1", "event 2", "save 2", "event 3", "save 3", "event 4", "save 4", "save 7", "event 8"}
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

// TestReplayedOnEachConnection checks that the loop learns when it has all events that existed.
func TestReplayedOnEachConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 3)
		slow := rpcerr.ReasonSlowConsumer.Errorf(codes.ResourceExhausted, "too slow")
		c := &cutting{log: log, limits: []int{2, 2}, errors: []error{slow}} // before the mark, and after it
		go func() {
			time.Sleep(time.Minute)
			add(t, log, 4, 4)
		}()
		var order []string
		for e, err := range subscribe.Resume(t.Context(), local(c.Subscribe), start(t, log), subscription.WithOnReplayed(func() {
			order = append(order, "replayed")
		})) {
			if err != nil {
				t.Fatal(err)
			}
			if order = append(order, fmt.Sprint(e.GetId())); e.GetId() == 4 {
				break
			}
		}
		if want := []string{"1", "2", "3", "replayed", "replayed", "4"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

// TestEventsWithoutPosition checks that Resume repeats no event of a server that sets no position
// in some.
func TestEventsWithoutPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var svc events = func(ctx context.Context, req *request) runtime.Stream[event] {
			return func(yield func(*event, error) bool) {
				calls++
				_ = yield(&event{Id: 1, NextPosition: "1"}, nil) && yield(&event{Id: 2}, nil) && yield(nil, errCut)
			}
		}
		got, err := collect(t.Context(), svc, nil, 10)
		if len(got) != 2 || status.Code(err) != codes.Unavailable || calls != 1 {
			t.Errorf("got %v, %v after %d calls", ids(got), err, calls)
		}
	})
}

// TestBreaksAndPanics checks that the end of the loop ends the call, at every point.
func TestBreaksAndPanics(t *testing.T) {
	servicetest.NoLeaks(t)
	log := newLog(t, 20)
	svc := serve(t, func(ctx context.Context, req *request) runtime.Stream[event] { return subscribe.Serve(ctx, req, log) })
	first := start(t, log).GetPosition()
	for n := 1; n <= 20; n += 3 {
		got, err := receive(subscribe.Resume(t.Context(), svc, nil, subscription.WithPosition(first)), n)
		wantRange(t, got, err, 1, int64(n))
		func() {
			defer func() {
				if value := recover(); value != any("body") {
					t.Errorf("recovered %v", value)
				}
			}()
			for e := range subscribe.Resume(t.Context(), svc, nil, subscription.WithPosition(first)) {
				if e.GetId() == int64(n) {
					panic("body")
				}
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		for e, err := range subscribe.Resume(ctx, svc, nil, subscription.WithPosition(first)) {
			if e.GetId() == int64(n) {
				cancel()
			}
			if err != nil && !errors.Is(err, context.Canceled) && status.Code(err) != codes.Canceled {
				t.Errorf("got %v", err)
			}
		}
		cancel()
	}
}
