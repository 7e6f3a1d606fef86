package subscription

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Resume ranges over the events of a subscription. If the connection breaks, it waits for a
// random time, connects again and continues after the last event: each event is yielded once, in
// order.
//
// It reconnects after UNAVAILABLE, ABORTED, DEADLINE_EXCEEDED of the call alone, SLOW_CONSUMER, and
// errors with RetryInfo, whose delay it adds. Other errors end the loop, and so does the end of
// ctx. If the server no longer has all events after the position, the error is a [*NotRecovered].
// If the server ends the stream without an error, the subscription is complete and the loop ends.
//
// Each range starts anew. Breaking out of the loop cancels the call. req is copied and never
// modified. Resume sends the metadata "grpcservice-marks: 1", and hides the marks that it gets.
//
// A server that sets no position in an event cannot be resumed after it: if the connection
// breaks there, the loop ends with the error of the call. The method must have a position, or the
// error is INTERNAL.
func (m *Method[S, Req, Resp]) Resume(
	ctx context.Context, svc S, req *Req, opts ...ResumeOption,
) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		shape, err := m.shape()
		if err == nil && len(shape.nextPosition) == 0 {
			err = misuse("%s: Resume needs fields for positions; set Position and NextPosition",
				m.info.FullMethod)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		r := &resuming[Resp]{shape: shape, options: newResumeOptions(opts), yield: yield}
		r.call = func(ctx context.Context, position string) runtime.Stream[Resp] {
			again := cloneOf(req)
			if position != "" {
				shape.position.SetText(reflectOf(again), position)
			}
			return m.call(svc, ctx, again)
		}
		r.position = r.options.position
		if r.position == "" && req != nil {
			r.position = shape.position.Text(reflectOf(req))
		}
		if err := r.run(metadata.AppendToOutgoingContext(ctx, marksKey, "1")); err != nil {
			yield(nil, err)
		}
	}
}

// resuming is one range over [Method.Resume].
type resuming[Resp any] struct {
	*shape
	options  resumeOptions
	call     func(ctx context.Context, position string) runtime.Stream[Resp]
	yield    func(*Resp, error) bool
	position string
	unplaced bool // the last event had no position
	done     bool // the loop ends
}

// run connects until the loop ends.
func (r *resuming[Resp]) run(ctx context.Context) error {
	for failures, waits := 0, 0; ; { // since the last progress
		progress, err := r.connect(ctx)
		if r.done {
			return err
		}
		if progress {
			failures, waits = 0, 0
		} else if failures++; r.options.attempts > 0 && failures >= r.options.attempts {
			return err
		}
		waits++
		if err := r.options.backoff.Wait(ctx, err, waits); err != nil {
			return err
		}
	}
}

// connect yields the events of one connection. Unless the loop is done, another connection follows
// because of the error.
func (r *resuming[Resp]) connect(ctx context.Context) (progress bool, err error) {
	c := connection{start: r.position}
	for resp, failure := range r.call(ctx, r.position) {
		if err = failure; err != nil {
			break
		}
		if !r.receive(&c, resp) {
			r.done = true
			return true, nil
		}
	}
	if r.done = err == nil || r.unplaced || !r.retryable(ctx, err); r.done {
		err = notRecovered(err)
	}
	return c.progress(r.position), err
}

// connection is what happened on one connection.
type connection struct {
	start         string
	events, marks int
}

// progress reports whether the connection did more than to start: the first mark says no more
// than that.
func (c *connection) progress(position string) bool {
	return c.events > 0 || c.marks > 1 || c.marks > 0 && position != c.start && c.start != ""
}

// receive yields a response, unless it is a mark. It returns false if the loop has ended.
func (r *resuming[Resp]) receive(c *connection, resp *Resp) bool {
	position, isMark := strings.CutSuffix(r.nextPosition.Text(reflectOf(resp)), markSuffix)
	if isMark {
		if c.marks++; c.marks == 1 {
			r.options.onReplayed()
		}
	} else {
		c.events++
		r.unplaced = position == ""
		if !r.yield(resp, nil) {
			return false
		}
	}
	if position != "" && position != r.position {
		r.position = position
		r.options.onPosition(position)
	}
	return true
}

// retryable reports whether to connect again after an error.
func (r *resuming[Resp]) retryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch code := status.Code(err); code {
	case codes.Unavailable, codes.Aborted, codes.DeadlineExceeded:
		return true
	default:
		if rpcerr.ReasonOf(err) == rpcerr.ReasonSlowConsumer {
			return true // the loop was slow, and goes on where it was
		}
		_, asked := rpcerr.RetryAfter(err)
		return asked || slices.Contains(r.options.backoff.Codes, code)
	}
}
