package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1/uploadv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/bulk"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

type (
	item    = uploadv1.CreateItemRequest
	summary = uploadv1.CreateItemsSummary
)

var creates = bulk.Of(
	runtime.NewMethodInfo(uploadv1service.UploadServiceName, "CreateItems", runtime.KindClientStream, runtime.Policy{}),
	uploadv1service.UploadService.CreateItems,
)

// items returns a stream of n items, whose names are their indexes.
func items(n int) runtime.Stream[item] {
	return func(yield func(*item, error) bool) {
		for i := range n {
			if !yield(&item{Name: fmt.Sprint(i)}, nil) {
				return
			}
		}
	}
}

// failing returns a function that fails for the items with these names.
func failing(names ...string) func(context.Context, *item) error {
	return func(_ context.Context, req *item) error {
		if slices.Contains(names, req.GetName()) {
			return status.Errorf(codes.AlreadyExists, "%s exists", req.GetName())
		}
		return nil
	}
}

func TestEachTellsWhichItemsFailed(t *testing.T) {
	servicetest.NoLeaks(t)
	result, err := creates.Each(t.Context(), items(100), failing("3", "97", "40"))
	if err != nil || result.Received != 100 || result.Succeeded != 97 || len(result.Failures) != 3 {
		t.Fatalf("got %+v, %v", result, err)
	}
	for i, want := range []int64{3, 40, 97} {
		if got := result.Failures[i]; got.Index != want || status.Code(got.Err) != codes.AlreadyExists {
			t.Errorf("failure %d is %+v, want index %d", i, got, want)
		}
	}
	statuses := result.Statuses()
	if len(statuses) != 3 || statuses[40].GetCode() != int32(codes.AlreadyExists) || statuses[40].GetMessage() != "40 exists" {
		t.Errorf("the statuses are %v", statuses)
	}
}

// TestStatusesHideWhatCallersMayNotSee returns an error without a status, and panics.
func TestStatusesHideWhatCallersMayNotSee(t *testing.T) {
	result, err := creates.Each(t.Context(), items(2), func(_ context.Context, req *item) error {
		if req.GetName() == "0" {
			return errors.New("password is secret")
		}
		panic("secret")
	})
	if err != nil || len(result.Failures) != 2 || result.Succeeded != 0 {
		t.Fatalf("got %+v, %v", result, err)
	}
	for index, want := range map[int32]codes.Code{0: codes.Unknown, 1: codes.Internal} {
		if got := result.Statuses()[index]; got.GetCode() != int32(want) || got.GetMessage() == "" || fmt.Sprint(got) == "secret" {
			t.Errorf("item %d has %v", index, got)
		}
	}
}

func TestLimits(t *testing.T) {
	servicetest.NoLeaks(t)
	result, err := creates.Each(t.Context(), items(11), failing(), bulk.WithMaxItems(10))
	if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != bulk.ReasonTooManyItems || result.Succeeded != 10 {
		t.Errorf("got %+v, %v", result, err)
	}
	if _, err = creates.Each(t.Context(), items(10), failing("1", "2"), bulk.WithMaxItems(10), bulk.WithMaxFailures(2)); err != nil {
		t.Error(err)
	}
	result, err = creates.Each(t.Context(), items(1_000_000), failing("1", "2", "3"), bulk.WithMaxFailures(2), bulk.WithConcurrency(1))
	if status.Code(err) != codes.Aborted || rpcerr.ReasonOf(err) != bulk.ReasonTooManyFailures || result.Received > 6 {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestConcurrency counts how many items are processed at a time, and received.
func TestConcurrency(t *testing.T) {
	for _, want := range []int{1, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			var running, highest, received atomic.Int64
			counted := func(yield func(*item, error) bool) {
				for msg := range items(20) {
					received.Add(1)
					if !yield(msg, nil) {
						return
					}
				}
			}
			opts := []bulk.Option{bulk.WithConcurrency(want)}
			if want == 8 {
				opts = nil // the default
			}
			done := int64(0)
			_, err := creates.Each(t.Context(), counted, func(context.Context, *item) error {
				highest.Store(max(highest.Load(), running.Add(1)))
				time.Sleep(time.Second)
				if ahead := received.Load() - atomic.AddInt64(&done, 1); ahead > int64(want)+2 {
					t.Errorf("%d items were received ahead", ahead)
				}
				running.Add(-1)
				return nil
			}, opts...)
			if err != nil || highest.Load() != int64(want) {
				t.Errorf("%d at a time, %v; want %d", highest.Load(), err, want)
			}
		})
	}
}

// TestEndsOfStreams fails, cancels and drains in the middle of a stream, with a call that is
// running.
func TestEndsOfStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		blocked := func(ctx context.Context, _ *item) error { <-ctx.Done(); return context.Cause(ctx) }
		result, err := creates.Each(t.Context(), func(yield func(*item, error) bool) {
			_ = yield(&item{}, nil) && yield(nil, broken)
		}, blocked)
		if !errors.Is(err, broken) || len(result.Failures) != 1 {
			t.Errorf("a stream that fails: %+v, %v", result, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		silent := func(yield func(*item, error) bool) {
			if yield(&item{}, nil) {
				<-ctx.Done()
			}
		}
		if _, err := creates.Each(ctx, silent, blocked); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("a deadline: %v", err)
		}
	})
}

// TestStreamThatPanics panics while an item is being processed: the item ends before the panic
// continues.
func TestStreamThatPanics(t *testing.T) {
	servicetest.NoLeaks(t)
	var running atomic.Bool
	started := make(chan struct{})
	defer func() {
		if recover() == nil || running.Load() {
			t.Errorf("no panic, or an item that is running: %t", running.Load())
		}
	}()
	_, _ = creates.Each(t.Context(), func(yield func(*item, error) bool) {
		yield(&item{}, nil)
		<-started
		panic("broken")
	}, func(ctx context.Context, _ *item) error {
		running.Store(true)
		defer running.Store(false)
		close(started)
		<-ctx.Done()
		time.Sleep(10 * time.Millisecond)
		return nil
	})
}

// server serves CreateItems.
type server struct {
	uploadv1service.UnimplementedUploadService
}

func (server) CreateItems(ctx context.Context, reqs runtime.Stream[item]) (*summary, error) {
	result, err := creates.Each(ctx, reqs, failing("3"))
	return &summary{Created: int32(result.Succeeded), Failed: int32(len(result.Failures))}, err
}

func TestOverAConnection(t *testing.T) {
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { uploadv1service.RegisterUploadService(r, server{}) })
	got, err := uploadv1service.NewUploadServiceClient(conn).CreateItems(t.Context(), items(1000))
	if err != nil || got.GetCreated() != 999 || got.GetFailed() != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func ExampleMethod_Each() {
	requests := stream.Of(&item{Name: "0"}, &item{Name: "1"}, &item{Name: "2"})
	result, err := creates.Each(context.Background(), requests, failing("1"))
	fmt.Println(result.Succeeded, "created,", err)
	for _, failure := range result.Failures {
		fmt.Println(failure.Index, status.Convert(failure.Err).Message())
	}
	// Output:
	// 2 created, <nil>
	// 1 1 exists
}

// TestStatusesOfHighIndexes checks that a failure beyond the keys of failed_requests does not
// appear as that of another item.
func TestStatusesOfHighIndexes(t *testing.T) {
	result := bulk.Result{Failures: []bulk.Failure{
		{Index: math.MaxInt32, Err: status.Error(codes.NotFound, "last")},
		{Index: math.MaxInt32 + 1, Err: status.Error(codes.NotFound, "wrapped to the lowest")},
		{Index: 1 << 32, Err: status.Error(codes.NotFound, "wrapped to 0")},
	}}
	if got := result.Statuses(); len(got) != 1 || got[math.MaxInt32].GetMessage() != "last" {
		t.Errorf("the statuses are %v", got)
	}
}
