package refreshed_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/refreshed"
)

// TestGet checks that readers never wait, that a value is refreshed once per interval however many
// read it, and that it outlives failures.
func TestGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		v := refreshed.New(func(context.Context) (int, error) {
			calls++
			switch calls {
			case 3:
				return 0, errors.New("the store is away")
			case 4:
				panic("the store is broken")
			}
			return calls, nil
		})
		if _, ok := v.Get(); ok {
			t.Error("there is a value before the first refresh")
		}
		for _, want := range []int{1, 2, 2, 2, 5} {
			synctest.Wait()
			for range 100 {
				if got, ok := v.Get(); !ok || got != want {
					t.Fatalf("after %d refreshes: %d, %v; want %d", calls, got, ok, want)
				}
			}
			time.Sleep(refreshed.Interval)
			v.Get()
		}
	})
}

// TestGetWhileRefreshing checks that a store that does not answer delays no reader, is asked once,
// and is given up on.
func TestGetWhileRefreshing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		v := refreshed.New(func(ctx context.Context) (int, error) {
			calls++
			<-ctx.Done()
			return 0, ctx.Err()
		})
		start := time.Now()
		for range 100 {
			v.Get()
		}
		if spent := time.Since(start); spent != 0 {
			t.Errorf("readers waited %v", spent)
		}
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d refreshes at a time", calls)
		}
		time.Sleep(refreshed.Timeout + refreshed.Interval)
		v.Get()
		synctest.Wait()
		if calls != 2 {
			t.Errorf("%d refreshes after a timeout, want 2", calls)
		}
		time.Sleep(refreshed.Timeout) // the goroutine ends
	})
}
