package server

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/limit"
)

// slotsOf returns the bound of the running calls of a method, or nil.
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

// adaptive reports whether the concurrency of a method adapts to the duration of its calls. The
// duration of a stream depends on its client, so it does not indicate load.
func adaptive(info runtime.MethodInfo) bool {
	return info.Policy.Concurrency.Adaptive && info.Kind == runtime.KindUnary
}

// concurrencyGate returns the gate that acquires a slot of the method's concurrency; nil without a
// bound. A call that it rejects without a wait is given back to the rates.
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
		if !waited { // after a wait the burst may be full again
			m.counted.giveBack(ctx, c)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return overloaded.After(c, overloadWait)
	}
}

// acquire acquires a slot, after a wait if the policy allows one. It reports whether the call has
// the slot and whether it waited.
func (m *method) acquire(ctx context.Context, c *callContext) (ok, waited bool) {
	if m.slots.TryAcquire() {
		return true, false
	}
	if m.info.Policy.Concurrency.MaxWait <= 0 {
		return false, false
	}
	return m.slots.Acquire(ctx, rateKey(c, runtime.ByPrincipal))
}

// release gives back what a call held that finished with err.
func (m *method) release(c *callContext, err error) {
	m.releaseSlot(c, err)
	c.load.End()
}

// releaseSlot releases the slot of a call. An adaptive limit adapts only to calls that reached the
// method: not to rejected calls, those that an interceptor answered, or replayed responses. An
// error counts only if it took long.
func (m *method) releaseSlot(c *callContext, err error) {
	switch {
	case c.slot.IsZero():
	case m.adaptive && !c.ran.Load():
		m.slots.ReleaseUnused()
	default:
		m.slots.Release(time.Since(c.slot), err == nil)
	}
}

// noted returns handler, and records with an adaptive limit that a call has reached its method.
func (m *method) noted(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if !m.adaptive {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		m.noteRun(ctx)
		return handler(ctx, req)
	}
}

// noteRun records that the call of ctx has reached its method.
func (m *method) noteRun(ctx context.Context) {
	if !m.adaptive {
		return
	}
	if c, ok := callOf(ctx); ok {
		c.ran.Store(true)
	}
}
