package operation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// run runs the work and stores its ending.
func (a *attempt) run() {
	defer a.endTrace()
	if e, ended := a.endedBefore(); ended {
		a.settle(e)
		return
	}
	a.settle(a.keep(a.startWork()))
}

// end releases the resources of the attempt.
func (a *attempt) end() {
	a.lease.Stop()
	a.lose()
	a.cancel(nil)
	a.over()
}

// endedBefore returns the ending of an operation whose work does not need to start.
func (a *attempt) endedBefore() (e ending, ended bool) {
	cancelled, stopping := a.asked()
	switch {
	case cancelled:
		return ending{err: ErrCancelled}, true
	case stopping:
		return ending{err: ErrStopping}, true
	case a.ctx.Err() != nil: // the time is up
		return ending{err: context.Cause(a.ctx)}, true
	case a.op.Attempt > a.op.MaxAttempts:
		return ending{err: errExhausted}, true
	}
	return e, false
}

// startWork starts the work in a separate goroutine, and returns a channel that receives its
// ending.
func (a *attempt) startWork() <-chan ending {
	a.counts.attempts.Add(1)
	done := make(chan ending, 1)
	go func() {
		e := ending{err: errLeft, panicked: true}
		defer func() { done <- e }()
		defer func() {
			if value := recover(); value != nil {
				a.config.recovered(a.ctx, a.log, value)
				e = ending{err: fmt.Errorf("panic: %v", value), panicked: true}
			}
		}()
		e = a.work(a.ctx, a)
		errors.As(e.err, &e.again) // here, as methods of an error may panic: those of a nil pointer that was made one
	}()
	return done
}

// errLeft is the error until the work returns.
var errLeft = errors.New("the work ended its goroutine, as a test's FailNow does; return an error instead")

// settle stores the ending. A result counts even if the work was asked to end meanwhile; an error
// after such a request is attributed to it.
func (a *attempt) settle(e ending) {
	cancelled, stopping := a.asked()
	switch {
	case a.held.Err() != nil:
		a.dropped(e)
	case e.err == nil:
		a.finish(e, nil)
	case cancelled:
		a.finish(e, errCancelled)
	case errors.Is(context.Cause(a.ctx), errTimedOut):
		a.finish(e, errTimeout)
	case stopping:
		a.release(e, Again{Uncounted: true})
	case e.again != nil:
		a.retry(e, e.again.cause, e.again.wait)
	case e.panicked:
		a.retry(e, errInternal, 0)
	default:
		a.finish(e, e.err)
	}
}

// retry releases an operation so that it starts again, or ends it with err if no attempt is left.
func (a *attempt) retry(e ending, err error, wait time.Duration) {
	if a.op.Attempt >= a.op.MaxAttempts {
		a.finish(e, err)
		return
	}
	if wait <= 0 {
		wait = a.config.wait(a.op.Attempt)
	}
	a.release(e, Again{After: wait})
}

// wait returns how long to wait after the given number of attempts.
func (c *config) wait(attempts int) time.Duration {
	wait := c.backoff
	for range attempts - 1 {
		if wait = 2 * wait; wait >= c.longest {
			break
		}
	}
	wait = min(wait, c.longest)
	return wait/2 + rand.N(wait/2+1)
}

// finish ends the operation with the response of the work, or with the public status of err. If the
// store has no room for the result, the operation ends with a status that states this, or with a
// shorter status.
func (a *attempt) finish(e ending, err error) {
	result, err := a.sendable(e, err)
	lost := a.save(result)
	if errors.Is(lost, ErrFull) {
		if err == nil {
			err = storeFull("the result of the operation", lost)
		}
		lost = a.save(Result{Status: shortStatusBytes(err)})
	}
	if e.err == nil {
		e.err = err // for the log
	}
	if lost != nil {
		a.dropped(e)
		return
	}
	code := rpcerr.PublicStatus(err).Code()
	a.counts.finish(code)
	a.logEnd(e, report.Level(code), "operation", slog.String("code", code.String()))
}

func (a *attempt) save(result Result) error {
	return a.persist(a.ctx, a.held, func(ctx context.Context) error { return a.store.Finish(ctx, a.op.Name, a.op.Fence, result) })
}

// sendable returns the result of the operation, no larger than can be sent, and its error.
func (a *attempt) sendable(e ending, err error) (Result, error) {
	result, limit := Result{Metadata: e.metadata}, a.config.maxMessage
	if len(e.metadata) > limit/2 { // the metadata that was saved last stays
		result.Metadata = nil
		err = cmp.Or(err, tooLarge("metadata", len(e.metadata), limit/2))
	}
	rest := limit - len(a.op.Name) - max(len(result.Metadata), len(a.op.Metadata)) - messageOverhead
	if err == nil && len(e.response) > rest {
		err = tooLarge("result", len(e.response), rest)
	}
	if err == nil {
		result.Response = e.response
	} else {
		result.Status = statusBytes(err)
	}
	return result, err
}

// messageOverhead is the size of an operation message without its name, metadata and result:
// their lengths, and the times in the metadata.
const messageOverhead = 128

// release releases the operation with what its work has saved.
func (a *attempt) release(e ending, again Again) {
	lost := a.persist(a.ctx, a.held, func(ctx context.Context) error { return a.store.Release(ctx, a.op.Name, a.op.Fence, again) })
	if lost != nil { // the worker that has it now starts it again
		a.counts.leasesLost.Add(1)
		a.err = ErrLeaseLost
		return
	}
	if again.Uncounted {
		a.logEnd(e, slog.LevelInfo, "operation released")
		return
	}
	a.again = again.After
	a.counts.retries.Add(1)
	a.logEnd(e, slog.LevelWarn, "operation will be retried", slog.Duration("after", again.After))
}

// dropped ends an attempt whose lease is lost.
func (a *attempt) dropped(e ending) {
	a.counts.leasesLost.Add(1)
	a.logEnd(e, slog.LevelWarn, "operation lost to another worker; the result of this one is dropped")
	a.err = cmp.Or(e.err, ErrLeaseLost)
}

// logEnd logs the end of the attempt.
func (a *attempt) logEnd(e ending, level slog.Level, message string, attrs ...slog.Attr) {
	a.err = e.err
	attrs = append(attrs, slog.Duration("duration", time.Since(a.start)))
	if id := runtime.OriginOf(a.ctx).RequestID; id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	if a.op.Principal != "" {
		attrs = append(attrs, slog.String("principal", a.op.Principal))
	}
	if e.err != nil {
		attrs = append(attrs, slog.String("error", fmt.Sprint(e.err))) // fmt survives an error that is a nil pointer
	}
	a.log.LogAttrs(a.ctx, level, message, attrs...)
}
