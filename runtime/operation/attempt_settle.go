package operation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// settle writes down how the work has ended. A result counts, whatever was asked of the work meanwhile; an error after
// something was asked of it is taken for its consequence.
func (a *attempt) settle(e ending) {
	cancelled, stopping := a.asked()
	switch {
	case a.held.Err() != nil:
		a.tell(e, slog.LevelWarn, "operation lost to another worker; what this one did is dropped")
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

// What operations end with, other than what their work says.
var (
	errCancelled = cancelled()
	errTimeout   = timedOut()
	errInternal  = rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error")
)

// retry gives an operation back to be begun again, or ends it with err where it has no attempt left.
func (a *attempt) retry(e ending, err error, wait time.Duration) {
	if a.op.Attempt >= a.op.MaxAttempts {
		a.finish(e, err)
		return
	}
	if wait <= 0 {
		wait = a.m.config.wait(a.op.Attempt)
	}
	a.release(e, Again{After: wait})
}

// wait returns how long to wait after so many attempts.
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

// finish ends the operation: with the response of the work, or with what may be told of err. Where the store has no room for
// that, it ends with a status that says so, or with the short form of its own.
func (a *attempt) finish(e ending, err error) {
	result, err := a.resultOf(e, err)
	lost := a.store(result)
	if errors.Is(lost, ErrFull) {
		if err == nil {
			err = storeFull("the result of the operation", lost)
		}
		lost = a.store(Result{Status: shortStatusBytes(err)})
	}
	if e.err == nil {
		e.err = err // for the log
	}
	if lost != nil {
		a.tell(e, slog.LevelWarn, "operation lost to another worker; what this one did is dropped")
		return
	}
	code := rpcerr.PublicStatus(err).Code()
	a.tell(e, logLevel(code), "operation", slog.String("code", code.String()))
}

// store writes how the operation ends.
func (a *attempt) store(result Result) error {
	return a.persist(a.ctx, a.held, func(ctx context.Context) error { return a.m.store.Finish(ctx, a.op.Name, a.op.Fence, result) })
}

// resultOf returns what the operation ends with, no larger than can be sent, and the error that it has then.
func (a *attempt) resultOf(e ending, err error) (Result, error) {
	result, limit := Result{Metadata: e.metadata}, a.m.config.maxMessage
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

// messageOverhead is what the message of an operation has besides its name, its metadata and its result: the lengths of these,
// and the times in the metadata.
const messageOverhead = 128

// logLevel is that of the records of calls, too: the service's faults are errors, and its distress is a warning.
func logLevel(code codes.Code) slog.Level {
	switch code {
	case codes.Unknown, codes.Internal, codes.DataLoss:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.Unavailable, codes.Aborted, codes.ResourceExhausted:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// release gives the operation back, with what its work has saved.
func (a *attempt) release(e ending, again Again) {
	lost := a.persist(a.ctx, a.held, func(ctx context.Context) error { return a.m.store.Release(ctx, a.op.Name, a.op.Fence, again) })
	if lost != nil {
		return // whoever has it now begins it again
	}
	if again.Uncounted {
		a.tell(e, slog.LevelInfo, "operation given back")
		return
	}
	a.tell(e, slog.LevelWarn, "operation will be begun again", slog.Duration("after", again.After))
}

// tell logs how the attempt has ended.
func (a *attempt) tell(e ending, level slog.Level, message string, attrs ...slog.Attr) {
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
