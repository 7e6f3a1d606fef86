package server

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/limit"
)

// slotsOf returns the bound of the running calls of a method, or nil. If policies may change, calls
// are counted without a bound too, so that one that is set later is exact.
func (p *pipeline) slotsOf(info runtime.MethodInfo) *limit.Concurrency {
	c := info.Policy.Concurrency
	switch {
	case c.Limit <= 0 && p.hasLivePolicies():
		return limit.NewConcurrency(limit.MaxConcurrency, 0)
	case c.Limit <= 0:
		return nil
	case adaptive(info):
		return limit.NewAdaptive(c.Limit, c.MaxWait)
	default:
		return limit.NewConcurrency(c.Limit, c.MaxWait)
	}
}

// placesOf returns the limit of a [limit.Concurrency]: the largest one without a bound.
func placesOf(c runtime.Concurrency) int {
	if c.Limit <= 0 {
		return limit.MaxConcurrency
	}
	return c.Limit
}

// adaptive reports whether the concurrency of a method adapts to the duration of its calls. The
// duration of a stream depends on its client, so it does not indicate load.
func adaptive(info runtime.MethodInfo) bool {
	c := info.Policy.Concurrency
	return c.Limit > 0 && c.Adaptive && info.Kind == runtime.KindUnary
}

// concurrencyGate returns the gate that acquires a slot of the method's concurrency; nil without a
// bound. A call that it rejects without a wait is given back to the rates.
func (m *method) concurrencyGate() gate {
	if m.slots == nil {
		return nil
	}
	overloaded := overloadErrors("too many calls at a time; try again later")
	return func(ctx context.Context, c *callContext) error {
		ok, waited := m.acquire(ctx, c)
		if ok {
			if c.holds = true; c.call.policy.adaptive {
				c.slot = time.Since(c.call.start)
			}
			return nil
		}
		if !waited { // after a wait the burst may be full again
			c.call.policy.counted.giveBack(ctx, c)
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
	if c.call.policy.info.Policy.Concurrency.MaxWait <= 0 {
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
	case !c.holds:
	case c.call.policy.adaptive && c.ran.Load():
		m.slots.Release(time.Since(c.call.start)-c.slot, err == nil)
	default:
		m.slots.ReleaseUnused()
	}
}

// noted returns handler, and records with an adaptive limit that a call has reached its method.
func (m *method) noted(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if !m.mayAdapt() {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		if c, ok := callOf(ctx); ok {
			c.ran.Store(true)
		}
		return handler(ctx, req)
	}
}

// mayAdapt reports whether calls of the method may count for an adaptive limit.
func (m *method) mayAdapt() bool {
	return m.policy.Load().adaptive || m.hasLivePolicies() && m.info.Kind == runtime.KindUnary
}
