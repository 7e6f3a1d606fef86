package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// begin starts a call that arrives now, because something ran before the pipeline, or that
// arrived with its headers. All of its state is one allocation.
func (m *method) begin(ctx context.Context, now bool) *callContext {
	m.inFlight.Add(1)
	arrival := bounds.ArrivalIn(ctx)
	arrival.Handle()
	m.watchSends()
	m.policyFile.checkOnUse()
	c := callOn(arrival)
	c.Context, c.arrival = ctx, arrival
	c.call.method, c.call.policy = m, m.policy.Load()
	if now || c.call.start.IsZero() {
		c.call.start = time.Now()
	}
	c.noteClient()
	return c
}

// finish ends a call. It waits for the goroutines that the call started, sets *err to the error
// that the caller receives, and calls the observers. It recovers the method's panic, so defer it
// directly.
func (m *method) finish(c *callContext, err *error) {
	defer m.inFlight.Add(-1)
	defer m.unlist(c)
	defer c.arrival.Finish()
	exited, complete := *err == errGoexit, false
	defer func() {
		if !complete {
			c.writeStatus(rpcerr.Public(errGoexit))
		}
	}()
	if value := recover(); value != nil {
		exited, *err = false, m.panicked(c, value)
	}
	if !c.detached {
		*err = c.join(*err)
	}
	if c.stream != nil {
		c.stream.end(errStreamOver)
	}
	c.endHeader(*err != nil)
	cause := *err
	defer raise(cause)
	if cause != nil {
		if *err = m.callerError(c, cause); *err == runtime.ErrDraining && cause != runtime.ErrDraining {
			cause = fmt.Errorf("%w; %w", runtime.ErrDraining, cause)
		}
	} else if m.info.Kind == runtime.KindUnary {
		c.call.turns.Count()
	}
	if !c.detached {
		m.release(c, *err)
	}
	outcome := runtime.Outcome{Err: *err, Cause: cause}
	if cause != nil {
		outcome.Step = c.rejectedBy()
	}
	m.notify(c, outcome)
	if cause != nil {
		*err = m.passed(cause, *err)
	}
	complete = !exited
}

// elapsed returns how long the call has taken.
func (c *callContext) elapsed() time.Duration { return time.Since(c.call.start) }

// unlist cancels the context of a finished call, and takes the call from the list that a shutdown
// cancels.
func (m *method) unlist(c *callContext) {
	if made := c.lazy.Swap(lazyOver); made != nil {
		m.live.remove(&made.live)
	}
	if c.listed != nil {
		m.live.remove(c.listed)
	}
}

// errGoexit is the error of a call whose goroutine calls runtime.Goexit, as FailNow of a test does.
// A call has it until its method, and the steps before it, have returned.
var errGoexit = rpcerr.Internal("the method, or what runs around it, ended its goroutine, " +
	"as FailNow of a test does; return an error")

// errStreamOver is the error of sending or receiving after the method of the stream has returned.
var errStreamOver = status.Error(codes.Canceled, "the method of the stream has returned")
