package runtime

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// overloadWait is when the caller of a method that has too many calls should come again, at the earliest.
const overloadWait = 100 * time.Millisecond

// concurrencyStage returns the stage that bounds how many calls of a method run at a time, and sets what ends each call's
// part; nil without a bound.
func (m *method) concurrencyStage() stage {
	c := m.info.Policy.Concurrency
	if c.Limit <= 0 {
		return nil
	}
	m.slots = limit.NewConcurrency(c.Limit, c.MaxWait)
	if c.Adaptive && m.info.Kind == KindUnary { // how long a stream takes is up to its client
		m.slots = limit.NewAdaptive(c.Limit, c.MaxWait)
	}
	refusals := &refusals{make: func(wait time.Duration) error {
		return newError(codes.Unavailable, ReasonOverloaded, "too many calls at a time; try again later", retryInfo(wait))
	}}
	return func(ctx context.Context, c *callContext) error {
		if !m.slots.Acquire(ctx) {
			return refusals.after(c, overloadWait)
		}
		c.slot = time.Now()
		return nil
	}
}

// release gives back the place of a call that ended with err. What tells of overload is a failure of the service, not of what
// was asked of it.
func (m *method) release(c *callContext, err error) {
	if c.slot.IsZero() {
		return
	}
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.Internal:
		m.slots.Release(time.Since(c.slot), false)
	default:
		m.slots.Release(time.Since(c.slot), true)
	}
}
