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

// peerRateGate returns the gate of the rates that count by peer; nil if there are none.
func (m *method) peerRateGate() gate {
	if counted := m.ratesBy(m.info, runtime.ByPeer); len(counted) > 0 {
		return func(ctx context.Context, c *callContext) error { return counted.take(ctx, c) }
	}
	return nil
}

// rateGate returns the gate that counts an authorized call against the rates of its principal and
// those of the method; nil if there are none.
func (m *method) rateGate() gate {
	m.counted = slices.Concat(m.ratesBy(m.info, runtime.ByPrincipal), m.ratesBy(m.info, runtime.ByMethod))
	if len(m.counted) == 0 {
		return nil
	}
	return func(ctx context.Context, c *callContext) error { return m.counted.take(ctx, c) }
}

// ratesBy returns the rates of a method that count by key.
func (p *pipeline) ratesBy(info runtime.MethodInfo, key policy.Key) (bound rates) {
	for _, rate := range info.Policy.Rates {
		if rate.Key == key {
			bound = append(bound, boundRate{p.limiter.Bind(info, rate), key, &rejection.Errors{
				Make: func(wait time.Duration) error { return rateError(rate, wait) },
			}})
		}
	}
	return bound
}
