package server

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/rejection"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// MaxRateKeys is how many principals or peers a rate of a method distinguishes. Further ones share
// a common rate; none gets a fresh burst because it was forgotten.
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

func (m methodRate) GiveBack(context.Context, string) { m.rate.GiveBack() }

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
	key        policy.Key
	rejections *rejection.Errors
}

// take counts a call, or returns the error of the rate that does not allow it.
func (r rates) take(ctx context.Context, c runningCall) error {
	for i, rate := range r {
		if wait := rate.Take(ctx, rateKey(c, rate.key)); wait > 0 {
			r[:i].giveBack(ctx, c)
			return rate.rejections.After(c, wait)
		}
	}
	return nil
}

// giveBack undoes take for a call that was rejected right after it.
func (r rates) giveBack(ctx context.Context, c runningCall) {
	for _, rate := range r {
		rate.GiveBack(ctx, rateKey(c, rate.key))
	}
}

// rateKey returns the key that a call counts under. That of a peer starts with a NUL, as no ID of a
// principal should.
func rateKey(c runningCall, key policy.Key) string {
	if key == runtime.ByMethod {
		return ""
	}
	if principal := c.Principal(); key == runtime.ByPrincipal && principal != nil {
		return principal.ID
	}
	return "\x00" + peerKey(c)
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
		WithQuota(subject, strconv.FormatFloat(rate.PerSecond, 'g', -1, 64)+" calls a second, "+
			strconv.Itoa(rate.Burst)+" at once").
		Fixed()
}
