package jwtauth

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// counts are the counters of tokens.
type counts struct{ cached, verified, rejected atomic.Int64 }

var (
	byIssuer       = []string{metric.LabelIssuer}
	byIssuerResult = []string{metric.LabelIssuer, metric.LabelResult}
)

// The metrics of an authenticator.
var (
	descTokens = &metric.Desc{
		Name: metric.JWTTokens, Kind: metric.Counter, Labels: byIssuerResult,
		Help: "Tokens by result: cached (verified before), verified, or rejected.",
	}
	descFetches = &metric.Desc{
		Name: metric.JWTFetches, Kind: metric.Counter, Labels: byIssuerResult,
		Help: "Fetches of the issuer's keys by result: ok or failed.",
	}
	descKeys = &metric.Desc{
		Name: metric.JWTKeys, Kind: metric.Gauge, Labels: byIssuer,
		Help: "Keys that were fetched last from the issuer.",
	}
	descUntil = &metric.Desc{
		Name: metric.JWTKeysUntil, Kind: metric.Timestamp, Labels: byIssuer,
		Help: "When these keys are no longer used if fetches fail, in Unix seconds.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{descTokens, descFetches, descKeys, descUntil}

var (
	_ metric.Source = (*Authenticator)(nil)
	_ metric.Source = issuers(nil)
)

// Metrics implements [metric.Source].
func (a *Authenticator) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source]. It reports keys only if they are fetched from the issuer.
func (a *Authenticator) Collect(report metric.Report) {
	report(descTokens, float64(a.counts.cached.Load()), a.issuer, "cached")
	report(descTokens, float64(a.counts.verified.Load()), a.issuer, "verified")
	report(descTokens, float64(a.counts.rejected.Load()), a.issuer, "rejected")
	if r, ok := a.source.(*remote); ok {
		r.collect(report, a.issuer)
	}
}

func (r *remote) collect(report metric.Report, issuer string) {
	r.mu.Lock()
	fetched, failed := r.fetched, r.failed
	r.mu.Unlock()
	report(descFetches, float64(fetched), issuer, "ok")
	report(descFetches, float64(failed), issuer, "failed")
	s := r.state.Load()
	if s == nil {
		report(descKeys, 0, issuer)
		return
	}
	report(descKeys, float64(len(s.set.keys)), issuer)
	report(descUntil, float64(s.until.Unix()), issuer)
}

// Metrics implements [metric.Source].
func (all issuers) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source].
func (all issuers) Collect(report metric.Report) {
	for _, a := range all {
		a.Collect(report)
	}
}
