package server

import (
	"context"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/rejection"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// WithRateLimiter makes limiter enforce the rates of policies, for example across all replicas of
// a service.
func WithRateLimiter(limiter RateLimiter) Option {
	return func(c *settings) {
		if isNil(limiter) {
			c.fail("WithRateLimiter(nil): pass a limiter, or leave the option out to count calls in memory")
			return
		}
		c.limiter = limiter
	}
}

// The keys of the rates of each step, in the order in which they count.
var (
	peerKeys   = []policy.Key{runtime.ByPeer}
	callerKeys = []policy.Key{runtime.ByPrincipal, runtime.ByMethod}
)

// peerRateGate returns the gate of the rates that count by peer; nil if there are none.
func (m *method) peerRateGate() gate {
	if m.policy.Load().peers == nil && !m.hasLivePolicies() {
		return nil
	}
	return func(ctx context.Context, c *callContext) error { return c.call.policy.peers.take(ctx, c) }
}

// rateGate returns the gate that counts an authorized call against the rates of its principal and
// those of the method; nil if there are none.
func (m *method) rateGate() gate {
	if m.policy.Load().counted == nil && !m.hasLivePolicies() {
		return nil
	}
	return func(ctx context.Context, c *callContext) error { return c.call.policy.counted.take(ctx, c) }
}

// bindRates returns the rates of a policy that count by one of the keys, in the order of the keys;
// nil if there are none. They are those of before, which may be nil, if nothing is different. If
// they are counted in memory, they continue the counts of before from [rates.follow] on.
func (m *method) bindRates(info runtime.MethodInfo, keys []policy.Key, before *rates) *rates {
	r := new(rates)
	for _, key := range keys {
		for _, rate := range info.Policy.Rates {
			if rate.Key == key {
				r.bound = append(r.bound, rate)
				r.rejections = append(r.rejections, &rejection.Errors{
					Make: func(wait time.Duration) error { return rateError(rate, wait) },
				})
			}
		}
	}
	switch {
	case len(r.bound) == 0:
		return nil
	case before != nil && slices.Equal(r.bound, before.bound):
		return before
	}
	r.caller = r.bound[0].Key // ByMethod only if there is no other
	r.MethodRates = m.limiter.Bind(info, slices.Clone(r.bound))
	return r
}
