package server

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// stopper is how a server is told to stop, and how those who wait for it learn that it has.
type stopper struct {
	requested chan struct{}
	forced    chan struct{}
	finished  chan struct{}
	delay     time.Duration // of the first request; read after requested
	err       error         // of the shutdown; read after finished

	onceRequested, onceForced sync.Once
}

func newStopper() *stopper {
	return &stopper{requested: make(chan struct{}), forced: make(chan struct{}), finished: make(chan struct{})}
}

// request asks for a shutdown with a drain delay; only the first request counts.
func (s *stopper) request(delay time.Duration) {
	s.onceRequested.Do(func() {
		s.delay = delay
		close(s.requested)
	})
}

// force cuts the waits of a shutdown short.
func (s *stopper) force() { s.onceForced.Do(func() { close(s.forced) }) }

// finish ends the waiting of others, and returns err.
func (s *stopper) finish(err error) error {
	s.err = err
	close(s.finished)
	return err
}

// wait returns true when done is closed, false when time is up or the shutdown is forced.
func (s *stopper) wait(timeout time.Duration, done <-chan struct{}) bool {
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

// onSignals requests a shutdown at the first SIGTERM or SIGINT, and forces it at the second, until the function that it
// returns is called.
func (s *stopper) onSignals(delay time.Duration) (release func()) {
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

func (s *stopper) onSignal(sig os.Signal, delay time.Duration, asked bool) {
	if asked {
		s.force()
		return
	}
	if sig == os.Interrupt {
		delay = 0
	}
	s.request(delay)
}
