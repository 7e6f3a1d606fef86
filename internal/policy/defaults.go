package policy

import (
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// defaultsOf returns the rules that nobody set: those that complete a rule which is set in part, with their values, and those
// of which the server or the client has a default of its own.
func defaultsOf(p policy.Policy, facts policy.Method, merged *grpcservicev1.Policy) (rules []Rule) {
	add := func(field string, value any) {
		if !policy.Sets(merged, field) {
			rules = append(rules, Rule{Field: field, Value: value, Source: SourceDefault})
		}
	}
	timeouts := []string{"timeout.default", "timeout.max"}
	if facts.ClientStreams || facts.ServerStreams {
		timeouts = []string{"timeout.idle", "timeout.total"}
	}
	for _, field := range append(timeouts, "auth", "rate", "concurrency", "retry", "hedging", "max_request_bytes", "log.level", "log.sample") {
		add(field, nil)
	}
	if p.Retry.MaxAttempts > 0 {
		add("retry.max_attempts", p.Retry.MaxAttempts)
		add("retry.initial_backoff", p.Retry.InitialBackoff.String())
		add("retry.max_backoff", p.Retry.MaxBackoff.String())
		add("retry.backoff_multiplier", p.Retry.Multiplier)
		add("retry.codes", p.Retry.Codes)
	}
	if p.Hedging.MaxAttempts > 0 {
		add("hedging.max_attempts", p.Hedging.MaxAttempts)
		add("hedging.non_fatal_codes", p.Hedging.NonFatalCodes)
	}
	addPatternDefaults(add, p)
	return rules
}
