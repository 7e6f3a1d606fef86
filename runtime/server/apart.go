package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// runApart runs the method of a stream in a goroutine of its own, and returns without it when the time of the stream is up, or when
// a shutdown cancels it: a method that waits for a message cannot be woken, but its stream can be ended, which wakes it.
func (m *method) runApart(stream *serverStream, run func() error) (err error) {
	c := stream.call
	ctx, cancel := context.WithCancel(stream.ctx)
	defer cancel()
	stream.ctx, c.detached = ctx, true
	if m.deadlines.idle > 0 || m.deadlines.total > 0 {
		stream.watch = &streamWatch{start: time.Now()}
	}
	outcome := errLeft // of a method that ends its goroutine
	done := inBackground(func() { outcome = m.runJoined(c, run) })
	if because := m.await(stream, done); because != nil {
		stream.end(because)
		m.leave(done, func() { m.release(c, outcome) })
		return because
	}
	m.release(c, outcome)
	return c.completed(outcome)
}

// await waits until done is closed, and returns nil, or until the stream has to end, and returns why.
func (m *method) await(stream *serverStream, done <-chan struct{}) error {
	var timer *time.Timer
	var timeUp <-chan time.Time
	if stream.watch != nil {
		timer = time.NewTimer(0)
		defer timer.Stop()
		timeUp = timer.C
	}
	cancelled := stream.ctx.Done()
	for {
		select {
		case <-done:
			return nil
		case <-timeUp:
			left, because := stream.watch.left(m.deadlines)
			if left <= 0 {
				return because
			}
			timer.Reset(left)
		case <-cancelled:
			if stream.call.drained.Load() {
				return awaitMoment(done, runtime.ErrDraining)
			}
			cancelled = nil // the client is gone, and so is what the method waits for
		}
	}
}

// awaitMoment gives a method a moment to return before its call ends because of err.
func awaitMoment(done <-chan struct{}, err error) error {
	select {
	case <-done:
		return nil
	case <-time.After(leaveGrace):
		return err
	}
}

// runJoined runs a method in a goroutine that is not the call's, and joins those that it started.
func (m *method) runJoined(c *callContext, run func() error) (err error) {
	err = errLeft
	defer func() {
		if value := recover(); value != nil {
			err = m.panicked(c, value)
		}
		err = c.join(err)
	}()
	return run()
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
