package policy

import (
	"cmp"
	"log/slog"
	"math"
	"time"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Defaults of rules that are given in part.
const (
	defaultRetryAttempts  = 3
	defaultHedgeAttempts  = 2
	defaultInitialBackoff = 100 * time.Millisecond
	defaultMaxBackoff     = time.Second
	defaultMultiplier     = 2
	defaultRetryCode      = "UNAVAILABLE" // the one code that is safe to retry anywhere (AIP-194)
)

// Policy returns the rules of a policy that [Merge] made for the method.
func (m Method) Policy(p *grpcservicev1.Policy) Policy {
	return m.withPatterns(Policy{
		Idempotency:     m.Idempotency,
		Timeout:         durationOf(p.GetTimeout().GetDefault()),
		MaxTimeout:      durationOf(p.GetTimeout().GetMax()),
		IdleTimeout:     durationOf(p.GetTimeout().GetIdle()),
		TotalTimeout:    durationOf(p.GetTimeout().GetTotal()),
		Auth:            authOf(p.GetAuth()),
		Rates:           ratesOf(p.GetRate()),
		Concurrency:     concurrencyOf(p.GetConcurrency()),
		Retry:           retryOf(p),
		Hedging:         hedgingOf(p),
		MaxRequestBytes: maxRequestBytesOf(p),
		Log:             logOf(p.GetLog()),
		Validate:        m.HasRules && !p.GetValidation().GetSkip(),
	}, p)
}

// durationOf returns a duration: 0 is not set, and None is set to zero.
func durationOf(text string) time.Duration {
	if text == "" {
		return 0
	}
	d, _ := time.ParseDuration(text) // checked
	if d == 0 {
		return None
	}
	return d
}

func authOf(a *grpcservicev1.Auth) *Auth {
	if a == nil {
		return nil
	}
	return &Auth{Public: a.GetPublic(), AllOf: a.GetAllOf(), AnyOf: a.GetAnyOf()}
}

func ratesOf(list []*grpcservicev1.Rate) (rates []Rate) {
	if takesRatesAway(list) {
		return nil
	}
	for _, r := range list {
		rate := Rate{PerSecond: r.GetPerSecond(), Burst: int(r.GetBurst())}
		if r.Burst == nil {
			// At most what an int holds on every platform, as the number becomes a literal.
			rate.Burst = int(min(max(1, math.Ceil(rate.PerSecond)), math.MaxInt32))
		}
		switch r.GetKey() {
		case grpcservicev1.Rate_KEY_PRINCIPAL:
			rate.Key = ByPrincipal
		case grpcservicev1.Rate_KEY_PEER:
			rate.Key = ByPeer
		}
		rates = append(rates, rate)
	}
	return rates
}

func concurrencyOf(c *grpcservicev1.Concurrency) Concurrency {
	if c.GetLimit() == 0 {
		return Concurrency{}
	}
	return Concurrency{Limit: int(c.GetLimit()), Adaptive: c.GetAdaptive(), MaxWait: max(0, durationOf(c.GetMaxWait()))}
}

func retryOf(p *grpcservicev1.Policy) Retry {
	if !retries(p) {
		return Retry{}
	}
	r := p.GetRetry()
	retry := Retry{
		MaxAttempts:    cmp.Or(int(r.GetMaxAttempts()), defaultRetryAttempts),
		InitialBackoff: cmp.Or(durationOf(r.GetInitialBackoff()), defaultInitialBackoff),
		MaxBackoff:     durationOf(r.GetMaxBackoff()),
		Multiplier:     cmp.Or(r.GetBackoffMultiplier(), defaultMultiplier),
		Codes:          codesOf(r.GetCodes()),
	}
	if retry.MaxBackoff == 0 {
		retry.MaxBackoff = max(defaultMaxBackoff, retry.InitialBackoff)
	}
	retry.InitialBackoff = min(retry.InitialBackoff, retry.MaxBackoff)
	return retry
}

func hedgingOf(p *grpcservicev1.Policy) Hedging {
	if !hedges(p) {
		return Hedging{}
	}
	h := p.GetHedging()
	return Hedging{
		Delay:         max(0, durationOf(h.GetDelay())),
		MaxAttempts:   cmp.Or(int(h.GetMaxAttempts()), defaultHedgeAttempts),
		NonFatalCodes: codesOf(h.GetNonFatalCodes()),
	}
}

func codesOf(codes []string) []string {
	if len(codes) == 0 {
		return []string{defaultRetryCode}
	}
	return codes
}

func maxRequestBytesOf(p *grpcservicev1.Policy) int64 {
	if p.MaxRequestBytes != nil && p.GetMaxRequestBytes() == 0 {
		return -1
	}
	return p.GetMaxRequestBytes()
}

func logOf(l *grpcservicev1.Log) Log {
	log := Log{Sample: l.GetSample()}
	if l != nil && l.Sample != nil && l.GetSample() == 0 {
		log.Sample = -1
	}
	if l.GetSample() == 1 {
		log.Sample = 0
	}
	switch l.GetLevel() {
	case grpcservicev1.Log_LEVEL_DEBUG:
		log.Level = slog.LevelDebug
	case grpcservicev1.Log_LEVEL_WARN:
		log.Level = slog.LevelWarn
	case grpcservicev1.Log_LEVEL_ERROR:
		log.Level = slog.LevelError
	}
	return log
}
