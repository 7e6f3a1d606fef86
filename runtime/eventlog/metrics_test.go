package eventlog_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/internal/refreshed"
)

// TestMetrics checks that a log reports its store's figures without asking it at each scrape, and
// keeps them while the store fails.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &askedStore{Memory: eventlog.NewMemory(eventlog.WithMaxRecords(3))}
		log := newLog(store, eventlog.WithName("orders"), eventlog.WithTail(2, 1<<20))
		add(t, log, 1, 5)
		wantEvents(t, log, earliest(t, log), 3, 5)
		asked := store.asked
		if got := metrictest.Collect(t, log); len(got) != 3 {
			t.Errorf("before the store was asked: %v", got)
		}
		synctest.Wait()
		want := map[string]float64{
			`grpcservice_eventlog_appended_total{name="orders"}`: 5,
			`grpcservice_eventlog_tail_entries{name="orders"}`:   2,
			`grpcservice_eventlog_entries{name="orders"}`:        3,
			`grpcservice_eventlog_trimmed_total{name="orders"}`:  2,
		}
		for range 10 {
			metrictest.Want(t, log, want)
		}
		if got := metrictest.Collect(t, log); got[`grpcservice_eventlog_bytes{name="orders"}`] < 3*64 ||
			got[`grpcservice_eventlog_tail_bytes{name="orders"}`] == 0 {
			t.Errorf("got %v", got)
		}
		synctest.Wait()
		if n := store.asked - asked; n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
		store.err = errors.New("away")
		time.Sleep(refreshed.Interval)
		metrictest.Want(t, log, want)
		synctest.Wait()
		metrictest.Want(t, log, want)
		store.err = nil
		if err := store.Trim(t.Context(), position{Epoch: earliest(t, log).Epoch, Sequence: 5}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(refreshed.Interval)
		metrictest.Collect(t, log)
		synctest.Wait()
		metrictest.Want(t, log, map[string]float64{
			`grpcservice_eventlog_entries{name="orders"}`:       0,
			`grpcservice_eventlog_trimmed_total{name="orders"}`: 5,
			`grpcservice_eventlog_bytes{name="orders"}`:         0,
		})
	})
}

// TestMetricsOfAStoreWithoutSize checks that a log reports no size that it does not know.
func TestMetricsOfAStoreWithoutSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(struct{ eventlog.Store }{eventlog.NewMemory()})
		add(t, log, 1, 2)
		metrictest.Collect(t, log)
		synctest.Wait()
		got := metrictest.Collect(t, log)
		if _, ok := got[`grpcservice_eventlog_bytes{name=""}`]; ok || got[`grpcservice_eventlog_entries{name=""}`] != 2 {
			t.Errorf("got %v", got)
		}
	})
}

// askedStore is a store that counts how often it is asked for its bounds, and may fail then.
type askedStore struct {
	*eventlog.Memory
	asked int
	err   error
}

func (c *askedStore) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	if c.asked++; c.err != nil {
		return eventlog.Bounds{}, c.err
	}
	return c.Memory.Bounds(ctx)
}
