package server

import (
	"context"
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

// peerRateGate returns the gate of the rates that count by peer; nil if there are none.
func (m *method) peerRateGate() gate {
	return m.bindRates(runtime.ByPeer).gate()
}

// rateGate returns the gate that counts an authorized call against the rates of its principal and
// those of the method; nil if there are none.
func (m *method) rateGate() gate {
	m.counted = m.bindRates(runtime.ByPrincipal, runtime.ByMethod)
	return m.counted.gate()
}

// gate returns the gate that counts calls; nil without rates.
func (r *rates) gate() gate {
	if r == nil {
		return nil
	}
	return func(ctx context.Context, c *callContext) error { return r.take(ctx, c) }
}

// bindRates returns the rates of a method that count by one of the keys, in the order of the keys;
// nil if there are none.
func (m *method) bindRates(keys ...policy.Key) *rates {
	var bound []runtime.Rate
	r := new(rates)
	for _, key := range keys {
		for _, rate := range m.info.Policy.Rates {
			if rate.Key == key {
				bound = append(bound, rate)
				r.rejections = append(r.rejections, &rejection.Errors{
					Make: func(wait time.Duration) error { return rateError(rate, wait) },
				})
			}
		}
	}
	if len(bound) == 0 {
		return nil
	}
	r.caller = bound[0].Key // ByMethod only if there is no other
	r.MethodRates = m.limiter.Bind(m.info, bound)
	return r
}
