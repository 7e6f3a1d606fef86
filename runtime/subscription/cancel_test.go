package subscription_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// failing is a store whose n-th call fails, or cancels a context.
type failing struct {
	eventlog.Store
	calls atomic.Int64
	n     int64
	fail  func() error
}

func (f *failing) next() error {
	if f.calls.Add(1) == f.n {
		return f.fail()
	}
	return nil
}

func (f *failing) Read(ctx context.Context, p eventlog.Position, l eventlog.Limit) (eventlog.Batch, error) {
	if err := f.next(); err != nil {
		return eventlog.Batch{}, err
	}
	return f.Store.Read(ctx, p, l)
}

func (f *failing) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	if err := f.next(); err != nil {
		return eventlog.Bounds{}, err
	}
	return f.Store.Bounds(ctx)
}

func (f *failing) Seek(ctx context.Context, at time.Time) (eventlog.Position, error) {
	if err := f.next(); err != nil {
		return eventlog.Position{}, err
	}
	return f.Store.Seek(ctx, at)
}

// TestFailuresAndCancellationAtEveryCall ends a subscription at each call of the store: by an error
// of it, and by the cancellation of the call. It ends with that error, and another subscriber of
// the log goes on.
func TestFailuresAndCancellationAtEveryCall(t *testing.T) {
	errBackend := errors.New("of the backend")
	for _, cancels := range []bool{false, true} {
		for n := int64(1); n < 100; n++ {
			store := &failing{Store: eventlog.NewMemory(), n: n}
			log := eventlog.New[event](store, eventlog.WithTail(20, 1<<20))
			add(t, log, 1, 300)
			ctx, cancel := context.WithCancel(t.Context())
			store.fail = func() error { return errBackend }
			if cancels {
				store.fail = func() error { cancel(); return ctx.Err() }
			}
			seen := int64(0)
			var failure error
			for e, err := range subscribe.Serve(ctx, &request{Lines: 250}, log) {
				if failure = err; err != nil {
					break
				}
				if seen != 0 && e.GetId() != seen+1 {
					t.Fatalf("call %d: event %d follows %d", n, e.GetId(), seen)
				}
				if seen = e.GetId(); seen == 300 {
					break
				}
			}
			cancel()
			if seen == 300 {
				break // the call was not reached
			}
			if want := map[bool]error{false: errBackend, true: context.Canceled}[cancels]; !errors.Is(failure, want) {
				t.Fatalf("call %d: got %v, want %v", n, failure, want)
			}
			want(t, subscribe.Serve(t.Context(), &request{Lines: 3}, log), 298, 299, 300)
			if n == 99 {
				t.Error("the subscription never succeeded")
			}
		}
	}
}

// TestCanceledAtEveryEvent cancels the call of a client at each event, over a connection.
func TestCanceledAtEveryEvent(t *testing.T) {
	servicetest.NoLeaks(t)
	log := newLog(t, 30)
	svc := serve(t, func(ctx context.Context, req *request) runtime.Stream[event] { return subscribe.Serve(ctx, req, log) })
	for n := int64(1); n <= 30; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		var failure error
		for e, err := range svc.Subscribe(ctx, &request{Lines: 30}) {
			if failure = err; err == nil && e.GetId() == n {
				cancel()
			}
		}
		cancel()
		if status.Code(failure) != codes.Canceled {
			t.Errorf("canceled at event %d: %v", n, failure)
		}
	}
}

// TestPanicsInFilters checks that a panic ends its call alone.
func TestPanicsInFilters(t *testing.T) {
	servicetest.NoLeaks(t)
	log := newLog(t, 10)
	svc := serve(t, func(ctx context.Context, req *request) runtime.Stream[event] {
		return subscribe.Serve(ctx, req, log, subscription.WithFilter(func(e *event) bool {
			if e.GetId() == 10 && req.GetKind() == subscriptionv1.Kind_KIND_DELETED {
				panic("of a filter")
			}
			return true
		}))
	})
	if _, err := receive(svc.Subscribe(t.Context(), &request{Lines: 10, Kind: subscriptionv1.Kind_KIND_DELETED}), 10); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
	want(t, svc.Subscribe(t.Context(), &request{Lines: 9}), 2, 3, 4)
}

// TestASubscriberThatIsBlockedDelaysNoOther checks that a subscriber in a send keeps no lock and no
// other waiting.
func TestASubscriberThatIsBlockedDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t, 1)
		release := make(chan struct{})
		go func() {
			for range subscribe.Serve(t.Context(), nil, log, subscription.FromEarliest()) {
				<-release
				return
			}
		}()
		synctest.Wait()
		go func() { add(t, log, 2, 3000) }()
		got, err := receive(subscribe.Serve(t.Context(), nil, log, subscription.FromEarliest()), 3000)
		wantRange(t, got, err, 1, 3000)
		close(release)
	})
}
