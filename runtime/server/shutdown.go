package server

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// Times that a shutdown takes beyond its options, in the worst case.
const (
	// cancelGrace is how long cancelled streams may take to answer before their connections are closed.
	cancelGrace = time.Second
	// handlerGrace is how long methods may take to return after their connections are closed.
	handlerGrace = 2 * time.Second
)

// Shutdown stops the server in this order, and returns when Serve does, with the same error:
//
//  1. health turns to NOT_SERVING and its Watch streams end;
//  2. for the drain delay calls are taken as before, while load balancers notice;
//  3. streams ([runtime.Draining]) and what runs in the background ([Server.Background]) are told; no connection and no call is
//     accepted any more;
//  4. they may end within the shutdown timeout; what is left is cancelled, and its callers get UNAVAILABLE;
//  5. connections are closed, and methods and what runs in the background waited for.
//
// When ctx ends before that, the steps 2 to 4 are cut short. Whatever methods do, it takes at most three seconds more than
// the two options say. A server that does not serve stays that way.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	idle := !s.opened
	s.opened = true
	s.mu.Unlock()
	if idle {
		return nil
	}
	s.stop.request(s.config.drainDelay)
	select {
	case <-s.stop.finished:
	case <-ctx.Done():
		s.stop.force()
		<-s.stop.finished
	}
	return s.stop.err
}

// shutDown goes through the steps of [Server.Shutdown].
func (s *Server) shutDown(server *grpc.Server) error {
	start := time.Now()
	s.config.logger.Info("draining", "delay", s.stop.delay, "calls", s.pipeline.inFlight())
	s.health.shutDown()
	s.stop.wait(s.stop.delay, nil)
	s.pipeline.drain.start()
	s.pipeline.admission.CloseHandshakes()
	ended := inBackground(func() {
		server.GracefulStop()
		<-s.pipeline.left.Ended()
	})
	var err error
	if !s.stop.wait(s.config.shutdownTimeout, ended) {
		err = s.cutOff(server, ended)
	}
	if err != nil {
		s.config.logger.Error("stopped", "took", time.Since(start), "error", err)
		return err
	}
	s.config.logger.Info("stopped", "took", time.Since(start))
	return nil
}

// cutOff ends the calls that did not end by themselves, and returns their names in an error.
func (s *Server) cutOff(server *grpc.Server, ended <-chan struct{}) error {
	cut := s.pipeline.running()
	s.pipeline.expire()
	s.stop.wait(cancelGrace, ended)
	if err := s.stopNow(server); err != nil || cut == "" {
		return err
	}
	return fmt.Errorf("shutdown cut off calls that had not ended: %s", cut)
}

// stopNow closes connections and waits for methods, but not for those that do not care.
func (s *Server) stopNow(server *grpc.Server) error {
	s.health.shutDown()
	s.pipeline.drain.start()
	s.pipeline.expire()
	s.pipeline.admission.CloseHandshakes()
	stopped := inBackground(func() {
		server.Stop()
		<-s.pipeline.left.Ended()
	})
	select {
	case <-stopped:
		return nil
	case <-time.After(handlerGrace):
	}
	if running := s.running(); running != "" {
		return fmt.Errorf("shutdown left behind methods or functions that ignore their context: %s", running)
	}
	return nil
}

// inBackground runs f and returns a channel that is closed when it returns.
func inBackground(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}

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
