package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// runApart runs the method of a stream in a separate goroutine, and returns without it when the
// time of the stream is up or a shutdown cancels it. A method that waits for a message cannot be
// interrupted, but the end of its stream wakes it.
func (m *method) runApart(stream *serverStream, run func() error) (err error) {
	c := stream.call
	ctx, cancel := context.WithCancel(stream.ctx)
	defer cancel()
	stream.ctx, c.detached = ctx, true
	if d := c.call.policy.deadlines; d.idle > 0 || d.total > 0 {
		stream.watch = &streamWatch{start: time.Now()}
	}
	outcome := errGoexit
	done := inBackground(func() { outcome = m.runJoined(c, run) })
	if because := m.await(stream, done); because != nil {
		cancel() // first, so that a method whose send fails finds its context ended
		stream.end(because)
		if c.call.isSending() { // the status waits behind what the client has not read
			time.AfterFunc(unreadGrace, c.arrival.Abort)
		}
		m.abandon(done, func() { m.release(c, outcome) })
		return because
	}
	m.release(c, outcome)
	return c.completed(outcome)
}

// await returns nil when done is closed, or the reason why the stream must end first.
func (m *method) await(stream *serverStream, done <-chan struct{}) error {
	var timer *time.Timer
	var timeUp <-chan time.Time
	if stream.watch != nil {
		timer = time.NewTimer(0)
		defer timer.Stop()
		timeUp = timer.C
	}
	canceled := stream.ctx.Done()
	for {
		select {
		case <-done:
			return nil
		case <-timeUp:
			remaining, because := stream.watch.remaining(stream.call.call.policy.deadlines)
			if remaining <= 0 {
				return because
			}
			timer.Reset(remaining)
		case <-canceled:
			if stream.call.drained() {
				return awaitMoment(done, runtime.ErrDraining)
			}
			canceled = nil // the client is gone: what the method waits for fails by itself
		}
	}
}

// awaitMoment gives a method a moment to return before its call fails with err.
func awaitMoment(done <-chan struct{}, err error) error {
	select {
	case <-done:
		return nil
	case <-time.After(abandonGrace):
		return err
	}
}

// runJoined runs a method outside the goroutine of its call, and joins the goroutines that it
// started.
func (m *method) runJoined(c *callContext, run func() error) (err error) {
	err = errGoexit
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
