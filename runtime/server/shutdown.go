package server

import (
	"context"
	"fmt"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// The time that a shutdown takes at most in addition to its options.
const (
	// cancelGrace is how long canceled calls may take to return before connections are closed.
	cancelGrace = time.Second
	// handlerGrace is how long methods may take to return after their connections are closed.
	handlerGrace = 2 * time.Second
)

// Shutdown stops the server in this order, and returns when Serve does, with the same error:
//
//  1. Health changes to NOT_SERVING, and its Watch streams end.
//  2. During the drain delay, calls are accepted as before while load balancers notice.
//  3. Streams ([runtime.Draining]) and background functions ([Server.Background]) are notified. No
//     connection and no call is accepted any more.
//  4. They may finish within the shutdown timeout. The rest is canceled; its callers receive
//     UNAVAILABLE. A response of a finished call of which the client reads nothing for one to two
//     seconds is dropped, unless there is no send timeout.
//  5. Connections are closed, and the server waits for methods and background functions to return.
//
// If ctx is canceled earlier, steps 2 to 4 are cut short. Whatever methods do, a shutdown takes at
// most three seconds more than the two options, and a little more than one second for companions
// ([WithCompanions]), which stop last. A server that was shut down before Serve cannot
// serve.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.retire() {
		return nil
	}
	select {
	case <-s.stop.Finished:
	case <-ctx.Done():
		s.stop.Force()
		<-s.stop.Finished
	}
	return s.stop.Err
}

// retire requests the shutdown of a server that has started, or reports that there is none.
func (s *Server) retire() (idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && !s.starting {
		s.started = true
		return true
	}
	s.stop.Request(s.pipeline.drainDelay) // while s is locked: see start
	return false
}

// shutDown runs the steps of [Server.Shutdown].
func (s *Server) shutDown(server Engine) error {
	start := time.Now()
	s.pipeline.logger.Info("draining", "delay", s.stop.Delay, "calls", s.pipeline.inFlight())
	s.health.shutDown()
	s.stop.Wait(s.stop.Delay, nil)
	s.pipeline.drain.start()
	s.pipeline.capacity.CloseHandshakes()
	defer s.pipeline.dropUnread()()
	ended := inBackground(func() {
		fronts := inBackground(s.fronts.gracefulStop)
		server.GracefulStop()
		<-fronts
		<-s.pipeline.awaited.Ended()
	})
	var err error
	if !s.stop.Wait(s.pipeline.shutdownTimeout, ended) {
		err = s.cutOff(server, ended)
	}
	if err != nil {
		s.pipeline.logger.Error("stopped", "took", time.Since(start), "error", err)
		return err
	}
	s.pipeline.logger.Info("stopped", "took", time.Since(start))
	return nil
}

// cutOff cancels the calls that are still running, and returns an error that names their methods.
func (s *Server) cutOff(server Engine, ended <-chan struct{}) error {
	cut := s.pipeline.running()
	s.pipeline.expire()
	s.stop.Wait(cancelGrace, ended)
	if err := s.stopNow(server); err != nil || cut == "" {
		return err
	}
	return fmt.Errorf("shutdown cut off calls that had not ended: %s", cut)
}

// stopNow closes connections and waits [handlerGrace] for methods to return.
func (s *Server) stopNow(server Engine) error {
	s.health.shutDown()
	s.pipeline.drain.start()
	s.pipeline.expire()
	s.pipeline.capacity.CloseHandshakes()
	stopped := inBackground(func() {
		s.fronts.stop()
		server.Stop()
		<-s.pipeline.awaited.Ended()
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

// expire cancels the calls of all methods. Those that are blocked in sending get their status at
// once, which interrupts them; it follows what their clients have not read.
func (p *pipeline) expire() {
	p.drain.expire()
	for _, c := range p.expireCalls() {
		c.writeStatus(runtime.ErrDraining)
	}
	p.capacity.InterruptReads(runtime.ErrDraining)
}

func (p *pipeline) expireCalls() (sending []*callContext) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		sending = append(sending, m.live.expire()...)
	}
	return sending
}
