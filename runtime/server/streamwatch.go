package server

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The errors of streams that took too long.
var (
	errStreamIdle    = rpcerr.ReasonStreamIdle.Errorf(codes.DeadlineExceeded, "the stream was without a message for too long").Fixed()
	errStreamTimeout = rpcerr.ReasonStreamTimeout.Errorf(codes.DeadlineExceeded, "the stream took too long").Fixed()
)

// streamWatch knows when the last message of a stream went. A nil streamWatch does not care.
type streamWatch struct {
	start time.Time
	last  atomic.Int64 // since start
}

// touch notes that a message went.
func (w *streamWatch) touch() {
	if w != nil {
		w.last.Store(int64(time.Since(w.start)))
	}
}

// left returns how much longer the stream may go on, and the error that it ends with then.
func (w *streamWatch) left(d deadlines) (time.Duration, error) {
	now := time.Since(w.start)
	left, err := time.Duration(1<<63-1), error(nil)
	if d.idle > 0 {
		left, err = time.Duration(w.last.Load())+d.idle-now, errStreamIdle
	}
	if d.total > 0 && d.total-now < left {
		left, err = d.total-now, errStreamTimeout
	}
	return left, err
}

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

// leave counts a call as running until done is closed, although it has been answered; then it calls release.
func (m *method) leave(done <-chan struct{}, release func()) {
	m.inFlight.Add(1)
	waitedFor := m.left.Enter()
	go func() {
		if waitedFor {
			defer m.left.Leave()
		}
		<-done
		release()
		m.inFlight.Add(-1)
	}()
}
