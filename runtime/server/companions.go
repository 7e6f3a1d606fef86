package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Companion runs beside a server, such as an admin page on a separate address. One value may
// accompany several servers.
type Companion interface {
	// Start is called before s accepts connections, and must return: what runs on runs in goroutines
	// of the companion. An error, such as an address that is taken, makes Serve return it before a
	// call is accepted. ctx has the values of that of [Server.Serve] and ends after stop has returned.
	//
	// stop is called when the last call of s has finished, so a companion is there during the whole
	// shutdown. All companions together have one second for it; then, and when a second signal stops
	// s at once, the context of stop ends, and stop must return. stop may be nil.
	//
	// If s is shut down before Start returns, Start has one second; then ctx ends, and Serve returns
	// without the companion.
	Start(ctx context.Context, s *Server) (stop func(context.Context) error, err error)
}

const (
	// companionGrace is how long the companions of a server may take to stop.
	companionGrace = time.Second
	// companionExit is how long a companion may take to return when its context has ended.
	companionExit = 100 * time.Millisecond
)

// WithCompanions adds companions. They start in their order, and stop in the reverse order. If one
// cannot start, those before it are stopped, and [Server.Serve] returns the error. [On] panics,
// because it neither serves nor shuts down.
func WithCompanions(companions ...Companion) Option {
	return func(c *settings) {
		for i, companion := range companions {
			if isNil(companion) {
				c.fail("WithCompanions: companion %d is nil", i+1)
				return
			}
		}
		c.companions = append(c.companions, companions...)
	}
}

// accompanied is a companion that is started.
type accompanied struct {
	companion Companion
	server    *Server
	ctx       context.Context // of Start
	cancel    func()
	stop      func(context.Context) error // once it has started
}

// startCompanions starts the companions, and returns what stops them.
func (s *Server) startCompanions(ctx context.Context) (stop func() error, err error) {
	var started []*accompanied
	stop = func() error { return s.stopCompanions(ctx, started) }
	for _, companion := range s.pipeline.companions {
		c := &accompanied{companion: companion, server: s}
		c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if err := c.start(ctx); err != nil {
			c.cancel()
			return nil, errors.Join(fmt.Errorf("cannot start %T: %w", companion, err), stop())
		}
		started = append(started, c)
	}
	return stop, nil
}

// start starts the companion. If the server is shut down meanwhile, it does not wait for long.
func (c *accompanied) start(serving context.Context) error {
	err := errExited
	started := inBackground(func() {
		err = c.call(func() (err error) { c.stop, err = c.companion.Start(c.ctx, c.server); return err })
	})
	select {
	case <-started:
		return err
	case <-serving.Done():
	case <-c.server.stop.Requested:
	}
	if c.server.stop.Wait(companionGrace, started) {
		return err
	}
	c.cancel()
	select {
	case <-started:
		return err
	case <-time.After(companionExit):
	}
	go func() { // that it has returned late is all the same
		<-started
		if err == nil && c.stop != nil {
			_ = c.call(func() error { return c.stop(c.ctx) })
		}
	}()
	return errors.New("its Start has not returned, and the server is shut down")
}

// stopCompanions stops companions, the last of them first.
func (s *Server) stopCompanions(ctx context.Context, started []*accompanied) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), companionGrace)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(started) {
		if err := c.end(ctx); err != nil {
			errs = append(errs, fmt.Errorf("cannot stop %T: %w", c.companion, err))
		}
		c.cancel()
	}
	return errors.Join(errs...)
}

// end stops the companion, and waits no longer than until the end of ctx.
func (c *accompanied) end(ctx context.Context) error {
	if c.stop == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := errExited
	stopped := inBackground(func() { err = c.call(func() error { return c.stop(ctx) }) })
	left := companionExit
	if deadline, ok := ctx.Deadline(); ok {
		left += max(0, time.Until(deadline))
	}
	if c.server.stop.Wait(left, stopped) {
		return err
	}
	cancel() // if a second signal has ended the wait
	select {
	case <-stopped:
		return err
	case <-time.After(companionExit):
		return errors.New("it has not returned although its context has ended")
	}
}

// call calls a function of the companion, and recovers its panic.
func (c *accompanied) call(fn func() error) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		c.server.pipeline.recoverOutside(c.ctx, value, slog.String("companion", fmt.Sprintf("%T", c.companion)))
		err = fmt.Errorf("panic: %v", value)
	}()
	return fn()
}
