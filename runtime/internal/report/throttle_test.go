package report_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := report.NewThrottle(time.Minute)
		for i, test := range []struct {
			after   time.Duration
			due     bool
			skipped int
		}{
			{0, true, 0},
			{0, false, 0},
			{time.Minute - 1, false, 0},
			{1, true, 2},
			{time.Minute, true, 0},
		} {
			time.Sleep(test.after)
			if due, skipped := throttle.Next(); due != test.due || skipped != test.skipped {
				t.Errorf("record %d: due %t, %d skipped, want %t, %d", i, due, skipped, test.due, test.skipped)
			}
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { throttle.Next() })
		}
		wg.Wait()
		time.Sleep(time.Minute)
		if due, skipped := throttle.Next(); !due || skipped != 100 {
			t.Errorf("due %t, %d skipped, want true, 100", due, skipped)
		}
		if all := throttle.All(); all != 106 {
			t.Errorf("%d in all, want 106", all)
		}
	})
}
