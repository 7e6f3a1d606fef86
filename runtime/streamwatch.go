package runtime

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// The errors of streams that took too long.
var (
	errStreamIdle    = newError(codes.DeadlineExceeded, ReasonStreamIdle, "the stream was without a message for too long")
	errStreamTimeout = newError(codes.DeadlineExceeded, ReasonStreamTimeout, "the stream took too long")
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

// runTimed runs the method of a stream, and answers without it when its time is up: a method that waits for a message cannot be
// woken, but its stream can be ended, which wakes it. So the method has a goroutine of its own.
func (m *method) runTimed(stream *serverStream, run func() error) (err error) {
	c := stream.call
	ctx, cancel := context.WithCancel(stream.ctx)
	defer cancel()
	stream.ctx, stream.watch, c.detached = ctx, &streamWatch{start: time.Now()}, true
	outcome := errLeft // of a method that ends its goroutine
	done := inBackground(func() { outcome = m.runApart(c, run) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		left, because := stream.watch.left(m.deadlines)
		timer.Reset(max(0, left))
		select {
		case <-done:
			m.release(c, outcome)
			return outcome
		case <-timer.C:
		}
		if left <= 0 {
			stream.end(because)
			m.leave(done, func() { m.release(c, outcome) })
			return because
		}
	}
}

// runApart runs a method in a goroutine that is not the call's, and joins those that it started.
func (m *method) runApart(c *callContext, run func() error) (err error) {
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
	m.left.Add(1)
	go func() {
		defer m.left.Done()
		<-done
		release()
		m.inFlight.Add(-1)
	}()
}
