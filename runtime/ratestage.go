package runtime

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// RateLimiter counts calls, in place of the one in memory that a server has by itself. Bind is called once for each rate of
// each method, when it is registered.
type RateLimiter interface {
	Bind(MethodInfo, Rate) LimitFunc
}

// LimitFunc counts one call for key: a principal's ID, a NUL and a peer's address ("\x00203.0.113.7", of IPv6 the /64), or ""
// for all callers of the method. It returns 0
// where the call may go on, and else how long until one may.
type LimitFunc func(ctx context.Context, key string) (wait time.Duration)

// WithRateLimiter has limiter keep the rates of policies, for example over all replicas of a service.
func WithRateLimiter(limiter RateLimiter) ServerOption {
	return func(c *serverConfig) {
		if isNil(limiter) {
			c.fail("WithRateLimiter(nil): pass a limiter, or leave the option out to count calls in memory")
			return
		}
		c.limiter = limiter
	}
}

// MaxRateKeys is how many principals or peers one rate of one method tells apart. Beyond that, new ones share what is left;
// none gets a fresh burst because it was forgotten.
const MaxRateKeys = 65536

// localLimiter is the rate limiter of a server by itself.
type localLimiter struct{}

func (localLimiter) Bind(_ MethodInfo, rate Rate) LimitFunc {
	if rate.Key == ByMethod {
		all := limit.NewRate(rate.PerSecond, rate.Burst)
		return func(context.Context, string) time.Duration { return all.Take(time.Now()) }
	}
	keyed := limit.NewKeyedRate(rate.PerSecond, rate.Burst, MaxRateKeys)
	return func(_ context.Context, key string) time.Duration { return keyed.Take(key, time.Now()) }
}

// rateStages returns the stages that keep those rates of a method that count by one of keys.
func (p *pipeline) rateStages(info MethodInfo, keys ...policyKey) (stages []stage) {
	for _, key := range keys {
		for _, rate := range info.Policy.Rates {
			if rate.Key == key {
				stages = append(stages, rateStage(p.limiter.Bind(info, rate), rate))
			}
		}
	}
	return stages
}

// rateStage refuses the calls that a rate does not allow.
func rateStage(take LimitFunc, rate Rate) stage {
	refusals := &refusals{make: func(wait time.Duration) error { return rateError(rate, wait) }}
	return func(ctx context.Context, c *callContext) error {
		if wait := take(ctx, rateKey(c, rate.Key)); wait > 0 {
			return refusals.after(c, wait)
		}
		return nil
	}
}

// rateKey returns whom a call counts for. The key of a peer begins as no ID of a principal should.
func rateKey(c *callContext, key policyKey) string {
	switch {
	case key == ByMethod:
		return ""
	case key == ByPrincipal && c.call.principal != nil:
		return c.call.principal.ID
	default:
		return "\x00" + peerKey(c)
	}
}

// peerKey returns the address that a call comes from, without the port. Who has an IPv6 address has a whole /64 of them, and
// counts as one.
func peerKey(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	text := p.Addr.String()
	addrPort, err := netip.ParseAddrPort(text)
	if err != nil { // a Unix socket, say
		return text
	}
	addr := addrPort.Addr().Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}

// rateError is what the caller is told who calls too often.
func rateError(rate Rate, wait time.Duration) error {
	subject := "method"
	switch rate.Key {
	case ByPrincipal:
		subject = "principal"
	case ByPeer:
		subject = "peer"
	}
	return newError(codes.ResourceExhausted, ReasonRateLimited, "too many calls; try again later",
		retryInfo(wait), quotaFailure(subject, strconv.FormatFloat(rate.PerSecond, 'g', -1, 64)+" calls a second, "+strconv.Itoa(rate.Burst)+" at once"))
}

// refusals are the errors of calls that may be made again later, one for each length of the wait, rounded up to a power of two
// milliseconds, so that refusing costs less than serving. The longest is 2^30 ms, twelve days: clients read the trailer as an
// int32.
type refusals struct {
	make func(wait time.Duration) error
	made [31]atomic.Pointer[refusal]
}

// refusal is one error, and the trailer by which grpc's own retries wait as long (gRFC A6, pushback).
type refusal struct {
	err     error
	trailer metadata.MD
}

// after returns the error of a call that may be made again after wait.
func (r *refusals) after(ctx context.Context, wait time.Duration) error {
	steps := max(0, math.Ceil(math.Log2(float64(wait)/float64(time.Millisecond))))
	made := r.of(min(int(steps), len(r.made)-1))
	if stream := grpc.ServerTransportStreamFromContext(ctx); stream != nil {
		_ = stream.SetTrailer(made.trailer) // see requestID.echo
	}
	return made.err
}

func (r *refusals) of(steps int) *refusal {
	if made := r.made[steps].Load(); made != nil {
		return made
	}
	wait := time.Millisecond << steps
	made := &refusal{err: r.make(wait), trailer: metadata.MD{pushbackHeader: {strconv.FormatInt(wait.Milliseconds(), 10)}}}
	r.made[steps].Store(made)
	return made
}

// pushbackHeader is the trailer that tells a client when to call again.
const pushbackHeader = "grpc-retry-pushback-ms"
