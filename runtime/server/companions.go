package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Companion runs beside a server, such as an admin page on a separate address. One value may
// accompany several servers.
type Companion interface {
	// Start is called before s accepts connections, and must return: what runs on runs in goroutines
	// of the companion. ctx has the values of that of [Server.Serve] and does not end; it is not for
	// what runs on. An error, such as an address that is taken, makes Serve return it before a call
	// is accepted.
	//
	// stop is called when the last call of s has finished, so a companion is there during the whole
	// shutdown. It must return when its context ends, after one second. stop may be nil.
	Start(ctx context.Context, s *Server) (stop func(context.Context) error, err error)
}

// companionGrace is how long a companion may take to stop.
const companionGrace = time.Second

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

// accompanied is a companion that has started.
type accompanied struct {
	companion Companion
	stop      func(context.Context) error
}

// startCompanions starts the companions, and returns what stops them.
func (s *Server) startCompanions(ctx context.Context) (stop func() error, err error) {
	ctx = context.WithoutCancel(ctx)
	var started []accompanied
	stop = func() error { return s.stopCompanions(ctx, started) }
	for _, c := range s.pipeline.companions {
		var stopThis func(context.Context) error
		err := s.callCompanion(ctx, c, func() (err error) { stopThis, err = c.Start(ctx, s); return err })
		if err != nil {
			return nil, errors.Join(fmt.Errorf("cannot start %T: %w", c, err), stop())
		}
		if stopThis != nil {
			started = append(started, accompanied{c, stopThis})
		}
	}
	return stop, nil
}

// stopCompanions stops companions, the last of them first.
func (s *Server) stopCompanions(ctx context.Context, started []accompanied) error {
	var errs []error
	for _, c := range slices.Backward(started) {
		if err := s.stopCompanion(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("cannot stop %T: %w", c.companion, err))
		}
	}
	return errors.Join(errs...)
}

// stopCompanion stops c, and waits no longer than it may take.
func (s *Server) stopCompanion(ctx context.Context, c accompanied) error {
	ctx, cancel := context.WithTimeout(ctx, companionGrace)
	defer cancel()
	err := errExited
	stopped := inBackground(func() {
		err = s.callCompanion(ctx, c.companion, func() error { return c.stop(ctx) })
	})
	select {
	case <-stopped:
		return err
	case <-time.After(companionGrace + companionGrace/10): // it returns when its context ends
		return fmt.Errorf("it has not returned after %v, when its context ended", companionGrace)
	}
}

// callCompanion calls a function of c, and recovers its panic.
func (s *Server) callCompanion(ctx context.Context, c Companion, call func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			report.Panic(ctx, s.pipeline.logger, value, slog.String("companion", fmt.Sprintf("%T", c)))
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return call()
}
