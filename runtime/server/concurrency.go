package server

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/limit"
)

// slotsOf returns what bounds how many calls of a method run at a time; nil without a bound.
func slotsOf(info runtime.MethodInfo) *limit.Concurrency {
	c := info.Policy.Concurrency
	switch {
	case c.Limit <= 0:
		return nil
	case adaptive(info):
		return limit.NewAdaptive(c.Limit, c.MaxWait)
	default:
		return limit.NewConcurrency(c.Limit, c.MaxWait)
	}
}

// adaptive reports whether the concurrency of a method follows how long its calls take. How long a
// stream takes is up to its client, and says nothing about load.
func adaptive(info runtime.MethodInfo) bool {
	return info.Policy.Concurrency.Adaptive && info.Kind == runtime.KindUnary
}

// concurrencyGate returns the gate that a call takes its place among the running calls of a method in; nil
// if any number may run. A call that it rejects at once gives back what it has taken of the rates.
func (m *method) concurrencyGate() gate {
	m.slots = slotsOf(m.info)
	if m.slots == nil {
		return nil
	}
	overloaded := overloadErrors("too many calls at a time; try again later")
	return func(ctx context.Context, c *callContext) error {
		ok, waited := m.acquire(ctx, c)
		if ok {
			c.slot = time.Now()
			return nil
		}
		if !waited { // else the burst may be whole again, and the call would be one too many
			m.counted.giveBack(ctx, c)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return overloaded.After(c, overloadWait)
	}
}

// acquire takes a place among the running calls, where it may after a wait, and reports whether the
// call has one and whether it waited.
func (m *method) acquire(ctx context.Context, c *callContext) (ok, waited bool) {
	if m.slots.TryAcquire() {
		return true, false
	}
	if m.info.Policy.Concurrency.MaxWait <= 0 {
		return false, false
	}
	return m.slots.Acquire(ctx, rateKey(c, runtime.ByPrincipal))
}

// release gives back what a call held that ended with err.
func (m *method) release(c *callContext, err error) {
	m.releaseSlot(c, err)
	c.load.End()
}

// releaseSlot gives back the place of a call among the running calls of its method. An adaptive limit learns from calls
// that the method answered: not from those that were rejected, that an interceptor answered, or whose
// response was kept from an earlier call. An error counts only if it came late.
func (m *method) releaseSlot(c *callContext, err error) {
	switch {
	case c.slot.IsZero():
	case m.adaptive && !c.ran.Load():
		m.slots.ReleaseUnused()
	default:
		m.slots.Release(time.Since(c.slot), err == nil)
	}
}

// noted returns handler, which notes that a call has reached its method where that counts.
func (m *method) noted(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if !m.adaptive {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		m.noteRun(ctx)
		return handler(ctx, req)
	}
}

// noteRun notes that the call of ctx has reached its method.
func (m *method) noteRun(ctx context.Context) {
	if !m.adaptive {
		return
	}
	if c, ok := callOf(ctx); ok {
		c.ran.Store(true)
	}
}
