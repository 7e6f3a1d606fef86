package limit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// TestCallsThatAreOvertaken takes as many calls as the rate allows, in goroutines that overtake each
// other between reading the clock and counting: none is refused.
func TestCallsThatAreOvertaken(t *testing.T) {
	const goroutines, interval, calls = 8, time.Microsecond, 300_000
	r := limit.NewRate(float64(time.Second/interval), goroutines)
	start := time.Now()
	var clock, refused atomic.Int64
	var done sync.WaitGroup
	for range goroutines {
		done.Go(func() {
			for {
				n := clock.Add(1)
				if n > calls {
					return
				}
				if r.Take(start.Add(time.Duration(n)*interval)) > 0 {
					refused.Add(1)
				}
			}
		})
	}
	done.Wait()
	if n := refused.Load(); n > 0 {
		t.Errorf("%d of %d calls were refused", n, calls)
	}
}
