package redislimit

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// methodRates are the rates of a method in a step of the pipeline.
type methodRates struct {
	limiter  *Limiter
	circuit  *circuit
	names    names
	args     []any        // of the script
	local    *limit.Group // the share of this replica
	refusals refusals
	returns  returns
}

// Take implements [server.MethodRates].
func (r *methodRates) Take(ctx context.Context, caller string) (int, time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	now := time.Now()
	if rate, wait := r.refusals.find(caller, now); wait > 0 {
		r.limiter.counts.remembered.Add(1)
		return rate, wait, nil
	}
	if era, ok := r.circuit.closed(now); ok {
		v, err := r.share(ctx, caller, now)
		if err == nil {
			return v.rate, v.wait, nil
		}
		if ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
		r.circuit.fail(era, err)
	}
	r.limiter.counts.local.Add(1)
	rate, wait := r.local.Take(caller, time.Now())
	return rate, wait, nil
}

// share counts a call in Redis. An allowed call also counts for the share of this replica, so that
// callers do not have a full burst there when Redis goes away.
func (r *methodRates) share(ctx context.Context, caller string, now time.Time) (verdict, error) {
	v, err := r.limiter.requests.ask(ctx, r.limiter.timeout, r.keys(caller, now), r.args)
	if err != nil {
		return v, err
	}
	r.limiter.counts.shared.Add(1)
	if v.wait > 0 {
		r.refusals.add(caller, r.names.perCaller[v.rate], v.rate, now, v.wait)
	} else {
		r.local.Count(caller, now)
	}
	return v, nil
}

// GiveBack implements [server.MethodRates]. A call that Redis counted is given back in the
// background.
func (r *methodRates) GiveBack(_ context.Context, caller string) {
	now := time.Now()
	if _, ok := r.circuit.closed(now); !ok {
		r.local.GiveBack(caller)
		return
	}
	r.refusals.drop(caller)
	r.returns.add(r.keys(caller, now))
}

// keys returns the keys of a call. A rate has at most [server.MaxRateKeys] of each replica: further
// callers share one.
func (r *methodRates) keys(caller string, now time.Time) []string {
	return r.names.keys(caller, func(rate int) bool { return r.local.Distinguishes(rate, caller, now) })
}
