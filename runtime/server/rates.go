package server

import (
	"context"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/refusal"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// RateLimiter enforces the rates of policies, instead of the default one in memory. Bind is called
// once for each rate of each method, when the method is registered.
type RateLimiter interface {
	Bind(runtime.MethodInfo, runtime.Rate) MethodRate
}

// MethodRate counts the calls of a method against a rate. Its methods are called concurrently.
//
// The key identifies the caller: a principal's ID; a NUL and a peer's address ("\x00203.0.113.7",
// for IPv6 the /64); or "" for a rate of all callers together.
type MethodRate interface {
	// Take counts a call and returns 0, or counts nothing and returns how long it is until the next
	// call is allowed.
	Take(ctx context.Context, key string) (wait time.Duration)
	// GiveBack undoes a Take that returned 0: right after it, another rate or the concurrency limit
	// of the method rejected the call. A rate that cannot give calls back does nothing.
	GiveBack(ctx context.Context, key string)
}

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

// MaxRateKeys is how many principals or peers a rate of a method tells apart. Further ones share a
// common rate; none gets a fresh burst because it was forgotten.
const MaxRateKeys = 65536

// localLimiter is the default rate limiter of a server.
type localLimiter struct{}

func (localLimiter) Bind(_ runtime.MethodInfo, rate runtime.Rate) MethodRate {
	if rate.Key == runtime.ByMethod {
		return methodRate{limit.NewRate(rate.PerSecond, rate.Burst)}
	}
	return keyedRate{limit.NewKeyedRate(rate.PerSecond, rate.Burst, MaxRateKeys)}
}

// methodRate counts the calls of all callers together.
type methodRate struct{ rate *limit.Rate }

func (m methodRate) Take(context.Context, string) time.Duration { return m.rate.Take(time.Now()) }
func (m methodRate) GiveBack(context.Context, string)           { m.rate.GiveBack() }

// keyedRate counts the calls of each key.
type keyedRate struct{ rate *limit.KeyedRate }

func (k keyedRate) Take(_ context.Context, key string) time.Duration {
	return k.rate.Take(key, time.Now())
}
func (k keyedRate) GiveBack(_ context.Context, key string) { k.rate.GiveBack(key) }

// rates are rates that count together: a call takes from all of them or from none.
type rates []boundRate

type boundRate struct {
	MethodRate
	key      policy.Key
	refusals *refusal.Errors
}

// peerRateGate returns the gate of the rates that count by peer; nil if there are none.
func (m *method) peerRateGate() gate {
	if counted := m.ratesBy(m.info, runtime.ByPeer); len(counted) > 0 {
		return counted.take
	}
	return nil
}

// rateGate returns the gate that counts an authorized call against the rates of its principal and those
// of the method; nil if there are none.
func (m *method) rateGate() gate {
	m.counted = slices.Concat(m.ratesBy(m.info, runtime.ByPrincipal), m.ratesBy(m.info, runtime.ByMethod))
	if len(m.counted) == 0 {
		return nil
	}
	return m.counted.take
}

// ratesBy returns the rates of a method that count by key.
func (p *pipeline) ratesBy(info runtime.MethodInfo, key policy.Key) (bound rates) {
	for _, rate := range info.Policy.Rates {
		if rate.Key == key {
			bound = append(bound, boundRate{p.limiter.Bind(info, rate), key, &refusal.Errors{
				Make: func(wait time.Duration) error { return rateError(rate, wait) },
			}})
		}
	}
	return bound
}

// take counts a call, or returns the error of the rate that does not allow it.
func (r rates) take(ctx context.Context, c *callContext) error {
	for i, rate := range r {
		if wait := rate.Take(ctx, rateKey(c, rate.key)); wait > 0 {
			r[:i].giveBack(ctx, c)
			return rate.refusals.After(c, wait)
		}
	}
	return nil
}

// giveBack undoes take for a call that was rejected right after it.
func (r rates) giveBack(ctx context.Context, c *callContext) {
	for _, rate := range r {
		rate.GiveBack(ctx, rateKey(c, rate.key))
	}
}

// rateKey returns whom a call counts for. The key of a peer begins as no ID of a principal should.
func rateKey(c *callContext, key policy.Key) string {
	switch {
	case key == runtime.ByMethod:
		return ""
	case key == runtime.ByPrincipal && c.call.principal != nil:
		return c.call.principal.ID
	default:
		return "\x00" + peerKey(c)
	}
}

// rateError is the error of a call that exceeds a rate.
func rateError(rate runtime.Rate, wait time.Duration) error {
	subject := "method"
	switch rate.Key {
	case runtime.ByPrincipal:
		subject = "principal"
	case runtime.ByPeer:
		subject = "peer"
	}
	return rpcerr.ReasonRateLimited.Errorf(codes.ResourceExhausted, "too many calls; try again later").
		WithRetryAfter(wait).
		WithQuota(subject, strconv.FormatFloat(rate.PerSecond, 'g', -1, 64)+" calls a second, "+strconv.Itoa(rate.Burst)+" at once").
		Fixed()
}
