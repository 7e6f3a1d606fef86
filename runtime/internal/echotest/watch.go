package echotest

import (
	"fmt"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// testLimit is how many seconds a test may run. It is many times what the longest one takes on a
// busy machine, and less than what go test grants to a package.
const testLimit = 1200

// running has the tests that run and use this package.
var running = struct {
	sync.Mutex
	tests map[testing.TB]*progress
}{tests: make(map[testing.TB]*progress)}

// progress is how a test goes.
type progress struct {
	seconds int  // that it has run
	late    bool // whether it has waited in vain
}

// watch has the watchdog watch a test until its last cleanup. Tests that wait with the functions
// of this package fail by themselves, and earlier.
func watch(t testing.TB) {
	running.Lock()
	defer running.Unlock()
	if running.tests[t] != nil {
		return
	}
	running.tests[t] = new(progress)
	t.Cleanup(func() {
		running.Lock()
		defer running.Unlock()
		delete(running.tests, t)
	})
}

// isLate reports whether a test has waited in vain. Its next waits would be in vain too: they must
// not add up.
func isLate(t testing.TB) bool {
	running.Lock()
	defer running.Unlock()
	p := running.tests[t]
	return p != nil && p.late
}

// setLate notes that a test has waited in vain.
func setLate(t testing.TB) {
	running.Lock()
	defer running.Unlock()
	if p := running.tests[t]; p != nil {
		p.late = true
	}
}

// watchdog ends the process if a test hangs, as go test does after the much longer time that it
// grants to all tests of a package. It counts seconds itself: in a bubble of synctest, the clock is
// another one.
func watchdog() {
	for range time.Tick(time.Second) {
		running.Lock()
		for t, p := range running.tests {
			if p.seconds++; p.seconds > testLimit {
				debug.SetTraceback("all")
				panic(fmt.Sprintf("%s hangs: it runs for more than %d seconds", t.Name(), testLimit))
			}
		}
		running.Unlock()
	}
}
