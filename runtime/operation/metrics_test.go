package operation_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/internal/refreshed"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

func TestMetricsAreDocumented(t *testing.T) {
	metrictest.Documented(t, "../../docs/operations.md", operation.NewManager(operation.Memory()))
}

const ofPaint = `{name="walls",grpc_service="paint.v1.Painter",grpc_method="PaintWalls"`

// collected collects twice, with the store's answer in between.
func collected(t *testing.T, m *operation.Manager) map[string]float64 {
	t.Helper()
	time.Sleep(refreshed.Interval)
	metrictest.Collect(t, m)
	synctest.Wait()
	return metrictest.Collect(t, m)
}

// TestMetrics counts operations from their start to their end.
func TestMetrics(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &flaky{Store: operation.Memory()}
		hold := make(chan error)
		s := open(t, store, runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			select {
			case err := <-hold:
				return &paintResult{Value: "done"}, err
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}, operation.WithName("walls"), operation.WithWorkers(1))
		if got := metrictest.Collect(t, s.m); got[`grpcservice_operation_started_total`+ofPaint+`}`] != 0 || len(got) < 8 {
			t.Errorf("before the first operation: %v", got)
		}
		ctx := by(t.Context(), "ann")
		start := time.Now()
		first := s.start(ctx, `parent: "house"`)
		if _, err := s.method.Start(ctx, s.m, request(t, `parent: "house"`)); status.Code(err) != codes.Aborted {
			t.Fatal(err)
		}
		s.start(ctx, `parent: "shed"`)
		got := collected(t, s.m)
		for key, want := range map[string]float64{
			`grpcservice_operation_workers{name="walls"}`:                                               1,
			`grpcservice_operation_started_total` + ofPaint + `}`:                                       2,
			`grpcservice_operation_conflicts_total` + ofPaint + `}`:                                     1,
			`grpcservice_operation_attempts_total` + ofPaint + `}`:                                      1,
			`grpcservice_operation_running_attempts` + ofPaint + `}`:                                    1,
			`grpcservice_operation_unfinished` + ofPaint + `,state="running"}`:                          1,
			`grpcservice_operation_unfinished` + ofPaint + `,state="waiting"}`:                          1,
			`grpcservice_operation_unfinished` + ofPaint + `,state="expired"}`:                          0,
			`grpcservice_operation_finished_total` + ofPaint + `,grpc_code="OK"}`:                       0,
			`grpcservice_operation_oldest_unfinished_timestamp_seconds` + ofPaint + `,state="running"}`: float64(start.UnixMilli()) / 1000,
		} {
			if value, ok := got[key]; !ok || value != want {
				t.Errorf("%s is %v, want %v; all: %v", key, value, want, got)
			}
		}
		hold <- operation.TryAgain(errors.New("brush broken"), time.Second)
		hold <- nil // the second, which was due first
		hold <- status.Error(codes.FailedPrecondition, "no paint")
		s.end(ctx, first.GetName())
		got = collected(t, s.m)
		for key, want := range map[string]float64{
			`grpcservice_operation_attempts_total` + ofPaint + `}`:                                3,
			`grpcservice_operation_retries_total` + ofPaint + `}`:                                 1,
			`grpcservice_operation_running_attempts` + ofPaint + `}`:                              0,
			`grpcservice_operation_finished_total` + ofPaint + `,grpc_code="OK"}`:                 1,
			`grpcservice_operation_finished_total` + ofPaint + `,grpc_code="FailedPrecondition"}`: 1,
			`grpcservice_operation_unfinished` + ofPaint + `,state="running"}`:                    0,
			`grpcservice_operation_unfinished` + ofPaint + `,state="waiting"}`:                    0,
		} {
			if value, ok := got[key]; !ok || value != want {
				t.Errorf("%s is %v, want %v; all: %v", key, value, want, got)
			}
		}
		s.start(ctx, "")
		synctest.Wait()
		store.breaks(func(string) error { return operation.ErrLeaseLost })
		time.Sleep(time.Hour)
		got = metrictest.Collect(t, s.m)
		if n := got[`grpcservice_operation_leases_lost_total`+ofPaint+`}`]; n < 1 {
			t.Errorf("leases lost: %v", n)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestMetricsOfASlowStore checks that a scrape does not wait for the store, asks it at most once
// per interval, and keeps its last counts.
func TestMetricsOfASlowStore(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &countingStore{Store: operation.Memory()}
		m := operation.NewManager(store, operation.WithName("walls"), operation.WithStartOnly(),
			operation.WithLogger(slog.New(slog.DiscardHandler)))
		if _, err := painting(runtime.Operation{}).Start(by(t.Context(), "ann"), m, request(t, "")); err != nil {
			t.Fatal(err)
		}
		waiting := `grpcservice_operation_unfinished` + ofPaint + `,state="waiting"}`
		if got := collected(t, m); got[waiting] != 1 || got[`grpcservice_operation_workers{name="walls"}`] != 0 {
			t.Fatalf("got %v", got)
		}
		store.count = func(ctx context.Context) ([]operation.Count, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		time.Sleep(refreshed.Interval)
		before, start := store.calls, time.Now()
		for range 100 {
			metrictest.Want(t, m, map[string]float64{waiting: 1})
		}
		synctest.Wait()
		if store.calls != before+1 || time.Since(start) != 0 {
			t.Errorf("the store was asked %d times, and scrapes took %v", store.calls-before, time.Since(start))
		}
		time.Sleep(refreshed.Timeout + refreshed.Interval)
		store.count = func(context.Context) ([]operation.Count, error) { panic("broken") }
		metrictest.Want(t, m, map[string]float64{waiting: 1})
		synctest.Wait()
		metrictest.Want(t, m, map[string]float64{waiting: 1})
	})
}

// countingStore is a store whose counts a test controls.
type countingStore struct {
	operation.Store
	calls int
	count func(context.Context) ([]operation.Count, error) // nil for that of Store
}

func (c *countingStore) Count(ctx context.Context) ([]operation.Count, error) {
	if c.calls++; c.count != nil {
		return c.count(ctx)
	}
	return c.Store.Count(ctx)
}
