package policy

import (
	"log/slog"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Override lays a layer of a configuration over the policy of a table, by the rules by which a method's options are laid over
// those of its service. What the layer does not speak of stays as it is. The faults are those of the table's policy, of the
// layer, wide or not, and of what they say together; with faults the policy is the table's, unchanged.
func Override(p Policy, m Method, over Layer) (Policy, []Fault) {
	m.Patterns = PatternsOf(p)
	row := optionsOf(p)
	found := Check(row)
	for i := range found {
		found[i].Text += " (so says the policy that is overridden)"
	}
	if over.Wide {
		for _, fault := range Check(over.Policy) {
			fault.Layer = 1
			found = append(found, fault)
		}
	}
	layers := []Layer{{Policy: row, Wide: true}, over}
	lowerDefaultSize(row.GetPage(), over.Policy.GetPage())
	merged, together := Merge(m, layers)
	for _, fault := range fixed(m.Patterns, over) {
		fault.Layer = 1
		found = append(found, fault)
	}
	if found = append(found, together...); len(found) > 0 {
		return p, found
	}
	m.trusted = trusted(layers)
	said := m.Fit(m.fitting(over))
	return p.with(m.Policy(merged), said).withPatterns(m.Policy(merged), said), nil
}

// with returns the policy with what said speaks of taken from q, for a policy can say what options cannot.
func (p Policy) with(q Policy, said *grpcservicev1.Policy) Policy {
	if said.GetTimeout() != nil {
		p.Timeout, p.MaxTimeout, p.IdleTimeout, p.TotalTimeout = q.Timeout, q.MaxTimeout, q.IdleTimeout, q.TotalTimeout
	}
	if said.GetAuth() != nil {
		p.Auth = q.Auth
	}
	if len(said.GetRate()) > 0 {
		p.Rates = q.Rates
	}
	if said.GetConcurrency() != nil {
		p.Concurrency = q.Concurrency
	}
	if said.MaxRequestBytes != nil {
		p.MaxRequestBytes = q.MaxRequestBytes
	}
	if said.GetValidation() != nil {
		p.Validate = q.Validate
	}
	return p.withAttempts(q, said).withLog(q, said.GetLog())
}

// withAttempts is with of retry and hedging, of which one takes the place of the other.
func (p Policy) withAttempts(q Policy, said *grpcservicev1.Policy) Policy {
	if said.GetRetry() != nil || hedges(said) {
		p.Retry = q.Retry
	}
	if said.GetHedging() != nil || retries(said) {
		p.Hedging = q.Hedging
	}
	return p
}

func (p Policy) withLog(q Policy, said *grpcservicev1.Log) Policy {
	if said.GetLevel() != grpcservicev1.Log_LEVEL_UNSPECIFIED {
		p.Log.Level = q.Log.Level
	}
	if said != nil && said.Sample != nil {
		p.Log.Sample = q.Log.Sample
	}
	return p
}

// optionsOf returns the options that make a policy.
func optionsOf(p Policy) *grpcservicev1.Policy {
	return patternOptions(&grpcservicev1.Policy{
		Timeout: &grpcservicev1.Timeout{
			Default: durationText(p.Timeout), Max: durationText(p.MaxTimeout),
			Idle: durationText(p.IdleTimeout), Total: durationText(p.TotalTimeout),
		},
		Auth:            authOptions(p.Auth),
		Rate:            rateOptions(p.Rates),
		Concurrency:     concurrencyOptions(p.Concurrency),
		Retry:           retryOptions(p.Retry),
		Hedging:         hedgingOptions(p.Hedging),
		MaxRequestBytes: sizeOption(p.MaxRequestBytes),
		Log:             logOptions(p.Log),
		Validation:      &grpcservicev1.Validation{Skip: proto.Bool(!p.Validate)},
	}, p)
}

// durationText returns how options spell a duration; nil is not set.
func durationText(d time.Duration) *string {
	switch {
	case d == 0:
		return nil
	case d < 0:
		return proto.String("0s")
	default:
		return proto.String(d.String())
	}
}

func authOptions(a *Auth) *grpcservicev1.Auth {
	if a == nil {
		return nil
	}
	return &grpcservicev1.Auth{Public: proto.Bool(a.Public), AllOf: a.AllOf, AnyOf: a.AnyOf}
}

func rateOptions(rates []Rate) (options []*grpcservicev1.Rate) {
	keys := map[Key]grpcservicev1.Rate_Key{
		ByMethod: grpcservicev1.Rate_KEY_METHOD, ByPrincipal: grpcservicev1.Rate_KEY_PRINCIPAL, ByPeer: grpcservicev1.Rate_KEY_PEER,
	}
	for _, r := range rates {
		options = append(options, &grpcservicev1.Rate{PerSecond: &r.PerSecond, Burst: proto.Int32(int32Of(r.Burst)), Key: keys[r.Key]})
	}
	return options
}

func concurrencyOptions(c Concurrency) *grpcservicev1.Concurrency {
	if c.Limit == 0 {
		return nil
	}
	return &grpcservicev1.Concurrency{Limit: proto.Int32(int32Of(c.Limit)), Adaptive: &c.Adaptive, MaxWait: durationText(c.MaxWait)}
}

func retryOptions(r Retry) *grpcservicev1.Retry {
	if r.MaxAttempts == 0 {
		return nil
	}
	return &grpcservicev1.Retry{
		MaxAttempts: proto.Int32(int32Of(r.MaxAttempts)), InitialBackoff: durationText(r.InitialBackoff),
		MaxBackoff: durationText(r.MaxBackoff), BackoffMultiplier: &r.Multiplier, Codes: r.Codes,
		Idempotent: proto.Bool(true), // or there would be no retry
	}
}

func hedgingOptions(h Hedging) *grpcservicev1.Hedging {
	if h.MaxAttempts == 0 {
		return nil
	}
	return &grpcservicev1.Hedging{
		Delay: proto.String(h.Delay.String()), MaxAttempts: proto.Int32(int32Of(h.MaxAttempts)), NonFatalCodes: h.NonFatalCodes,
	}
}

// int32Of returns the number that is nearest to n.
func int32Of(n int) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

func sizeOption(size int64) *int64 {
	if size == 0 {
		return nil
	}
	return proto.Int64(max(0, size))
}

func logOptions(l Log) *grpcservicev1.Log {
	levels := map[slog.Level]grpcservicev1.Log_Level{
		slog.LevelDebug: grpcservicev1.Log_LEVEL_DEBUG, slog.LevelInfo: grpcservicev1.Log_LEVEL_INFO,
		slog.LevelWarn: grpcservicev1.Log_LEVEL_WARN, slog.LevelError: grpcservicev1.Log_LEVEL_ERROR,
	}
	options := &grpcservicev1.Log{Level: levels[l.Level]}
	if l.Sample != 0 {
		options.Sample = proto.Float64(max(0, l.Sample))
	}
	return options
}
