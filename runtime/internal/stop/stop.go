// Package stop handles requests to shut a server down: by its owner or by a signal, with a delay or
// at once.
package stop

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Stopper is the state of a server's shutdown: requested, forced, finished.
type Stopper struct {
	// Requested is closed by the first request.
	Requested chan struct{}
	// Finished is closed when the shutdown has finished.
	Finished chan struct{}
	// Delay is that of the first request. Read it after Requested is closed.
	Delay time.Duration
	// Err is the error of the shutdown. Read it after Finished is closed.
	Err error

	forced chan struct{}

	onceRequested, onceForced sync.Once
}

// New returns a Stopper without a requested shutdown.
func New() *Stopper {
	return &Stopper{Requested: make(chan struct{}), forced: make(chan struct{}), Finished: make(chan struct{})}
}

// Request requests a shutdown with a drain delay. Only the first request counts.
func (s *Stopper) Request(delay time.Duration) {
	s.onceRequested.Do(func() {
		s.Delay = delay
		close(s.Requested)
	})
}

// Force cuts the waits of a shutdown short.
func (s *Stopper) Force() { s.onceForced.Do(func() { close(s.forced) }) }

// Finish closes Finished, and returns err.
func (s *Stopper) Finish(err error) error {
	s.Err = err
	close(s.Finished)
	return err
}

// Wait returns true when done is closed, and false when the time is up or the shutdown is forced.
func (s *Stopper) Wait(timeout time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-s.forced:
	}
	return false
}

// OnSignals requests a shutdown at the first SIGTERM or SIGINT, and forces it at the second, until
// release is called.
func (s *Stopper) OnSignals(delay time.Duration) (release func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	released := make(chan struct{})
	go func() {
		for asked := false; ; asked = true {
			select {
			case <-released:
				return
			case sig := <-signals:
				s.onSignal(sig, delay, asked)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(released)
	}
}

func (s *Stopper) onSignal(sig os.Signal, delay time.Duration, asked bool) {
	if asked {
		s.Force()
		return
	}
	if sig == os.Interrupt {
		delay = 0
	}
	s.Request(delay)
}
