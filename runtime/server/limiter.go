package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
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

func (localLimiter) Bind(_ runtime.MethodInfo, rates []runtime.Rate) MethodRates {
	return localRates{limit.NewGroup(bucketsOf(rates)...)}
}

func bucketsOf(rates []runtime.Rate) []limit.Bucket {
	buckets := make([]limit.Bucket, len(rates))
	for i, rate := range rates {
		buckets[i] = limit.Bucket{
			PerSecond:  rate.PerSecond,
			Burst:      rate.Burst,
			PerCaller:  rate.Key != runtime.ByMethod,
			MaxCallers: MaxRateKeys,
		}
	}
	return buckets
}

// localRates counts calls in memory.
type localRates struct{ group *limit.Group }

func (l localRates) Take(_ context.Context, caller string) (int, time.Duration, error) {
	rate, wait := l.group.Take(caller, time.Now())
	return rate, wait, nil
}

// wait returns how long every caller would have to wait now, and for which rate.
func (l localRates) wait() (int, time.Duration) { return l.group.Wait(time.Now()) }

func (l localRates) GiveBack(_ context.Context, caller string) { l.group.GiveBack(caller) }

// rates are the rates of a method in one step: a call counts for all of them or for none.
type rates struct {
	MethodRates
	bound      []runtime.Rate
	caller     policy.Key // determines the caller of a call
	rejections []*rejection.Errors
}

// take counts a call, or returns the error of the rate that does not allow it. r may be nil.
func (r *rates) take(ctx context.Context, c runningCall) error {
	if r == nil {
		return nil
	}
	rate, wait, err := r.count(ctx, c)
	if err != nil {
		return limiterError(ctx, err)
	}
	if wait > 0 {
		return r.rejections[rate].After(c, wait)
	}
	return nil
}

// count counts a call. Counting in memory needs the clock only to reject a call, which may have been
// authenticated for long.
func (r *rates) count(ctx context.Context, c runningCall) (rate int, wait time.Duration, err error) {
	key := rateKey(c, r.caller)
	if local, ok := r.MethodRates.(localRates); ok {
		if rate, wait = local.group.Take(key, c.Start()); wait == 0 {
			return rate, wait, nil
		}
	}
	return r.Take(ctx, key)
}

// giveBack undoes take for a call that was rejected right after it. r may be nil.
func (r *rates) giveBack(ctx context.Context, c runningCall) {
	if r != nil {
		r.GiveBack(ctx, rateKey(c, r.caller))
	}
}

// follow makes rates that are counted in memory continue the counts of the rates that they replace.
// Both may be nil.
func (r *rates) follow(before *rates, now time.Time) {
	if r == nil || before == nil || r == before {
		return
	}
	if was, ok := before.MethodRates.(localRates); ok {
		r.MethodRates = localRates{was.group.Follow(now, bucketsOf(r.bound)...)}
	}
}

// rateKey returns the caller that a call counts for. That of a peer starts with a NUL, as no ID of
// a principal should.
func rateKey(c runningCall, key policy.Key) string {
	if key == runtime.ByMethod {
		return ""
	}
	if principal := c.Principal(); key == runtime.ByPrincipal && principal != nil {
		return principal.ID
	}
	return "\x00" + bounds.PeerOf(c.Peer()).String()
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
		WithRetryAfter(wait).WithQuota(subject, quotaOf(rate)).Fixed()
}

// quotaOf states what a rate allows.
func quotaOf(rate runtime.Rate) string {
	return strconv.FormatFloat(rate.PerSecond, 'g', -1, 64) + " calls a second, " +
		strconv.Itoa(rate.Burst) + " at once"
}

// errNotCounted is the error of a call whose rate limiter cannot decide.
var errNotCounted = rpcerr.ReasonRateLimited.
	Errorf(codes.Unavailable, "the rate of calls cannot be checked; try again later").Fixed()

// limiterError returns the error of a call for which the rate limiter returned err: an error of
// package rpcerr as it is, and the end of the call. The text of any other error is only logged.
func limiterError(ctx context.Context, err error) error {
	var own *rpcerr.Error
	if errors.As(err, &own) || ctx.Err() != nil {
		return err
	}
	return rpcerr.Hide(errNotCounted, "rate limiter: "+fmt.Sprint(err))
}
