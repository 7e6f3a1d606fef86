package servicetest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func (t *fakeT) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

func TestNoLeaksShowsGoroutinesThatAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, open := new(fakeT), make(chan struct{})
		done := make(chan struct{})
		go func() { // a separate test
			defer close(done)
			NoLeaks(fake)
			for range 2 {
				go func() { <-open }()
			}
			go func() { go func() { <-open }() }()
			fake.end()
		}()
		<-done
		if len(fake.failures) != 1 {
			t.Fatalf("failures: %q", fake.failures)
		}
		wantText(t, fake.failures[0], "goroutines are still running 2s after the test", "2 goroutines:\n", "1 goroutine:\n",
			"servicetest.TestNoLeaksShowsGoroutinesThatAreLeft", "leaks_test.go:")
		close(open)
	})
}

// TestNoLeaksWaits checks that goroutines may end a little later, or in functions of t.Cleanup, and
// that goroutines of other tests do not count.
func TestNoLeaksWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, open, others := new(fakeT), make(chan struct{}), make(chan struct{})
		go func() { <-others }()
		done := make(chan struct{})
		go func() {
			defer close(done)
			NoLeaks(fake)
			fake.Cleanup(func() { close(open) })
			go func() { <-open }()
			go func() { time.Sleep(LeakTimeout - time.Second) }()
			fake.end()
		}()
		<-done
		close(others)
		if len(fake.failures) > 0 {
			t.Errorf("failures: %q", fake.failures)
		}
	})
}
