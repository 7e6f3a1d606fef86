package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// begin opens a call: all that it carries is one allocation.
func (m *method) begin(ctx context.Context) *callContext {
	m.inFlight.Add(1)
	arrival := bounds.ArrivalIn(ctx)
	arrival.Handle()
	return &callContext{Context: ctx, arrival: arrival, call: call{method: m, start: time.Now(), id: requestid.Incoming(ctx)}}
}

// finish closes a call, and must be deferred itself: it recovers the method's panic. It waits for the goroutines that the
// call started, makes *err what the caller gets, and tells those who watch.
func (m *method) finish(c *callContext, err *error) {
	defer m.inFlight.Add(-1)
	defer m.unlist(c)
	left, complete := *err == errLeft, false
	defer func() {
		if !complete {
			c.writeStatus(rpcerr.Public(errLeft))
		}
	}()
	if value := recover(); value != nil {
		left, *err = false, m.panicked(c, value)
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
		if *err = m.told(c, cause); *err == runtime.ErrDraining && cause != runtime.ErrDraining {
			cause = fmt.Errorf("%w; %w", runtime.ErrDraining, cause)
		}
	} else if m.info.Kind == runtime.KindUnary {
		c.call.sent.Store(1)
	}
	if !c.detached {
		m.release(c, *err)
	}
	m.tell(c, runtime.Outcome{Err: *err, Cause: cause, Duration: time.Since(c.call.start)})
	if cause != nil {
		*err = m.passed(cause, *err)
	}
	complete = !left
}

// unlist cancels the contexts of a call that has ended, and has no shutdown cancel it.
func (m *method) unlist(c *callContext) {
	if c.lazy.Swap(lazyOver) != nil || c.listed {
		m.live.remove(c)
	}
}

// errLeft is the error of a call until its method, and the steps before it, have returned: that of a
// goroutine that calls runtime.Goexit, as FailNow of a test does.
var errLeft = rpcerr.Internal("the method, or what runs around it, ended its goroutine, " +
	"as FailNow of a test does; return an error")

// errStreamOver is what goroutines get that use a stream after its method has returned.
var errStreamOver = status.Error(codes.Canceled, "the method of the stream has returned")

// writeStatus sends the status of a call whose goroutine ends by runtime.Goexit: grpc, to which nothing
// returns, would leave the caller waiting for its deadline.
func (c *callContext) writeStatus(err error) {
	// grpc's own streams have the method, although its interface for them does not.
	if stream, ok := c.transport().(interface{ WriteStatus(*status.Status) error }); ok {
		_ = stream.WriteStatus(status.Convert(err)) // fails if the caller is gone
	}
}
