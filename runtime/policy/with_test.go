package policy_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// service is the policy of a service that sets all that a service can.
func service() policy.Policy {
	return policy.Policy{
		Timeout: time.Second, MaxTimeout: time.Minute, IdleTimeout: time.Second, TotalTimeout: time.Hour,
		Auth:            &policy.Auth{AllOf: []string{"read"}},
		Rates:           []policy.Rate{{PerSecond: 1, Burst: 2}},
		Concurrency:     policy.Concurrency{Limit: 4, Adaptive: true},
		Retry:           policy.Retry{MaxAttempts: 3, Codes: []string{"UNAVAILABLE"}},
		MaxRequestBytes: 100,
		Log:             policy.Log{Level: slog.LevelDebug, Sample: 0.5},
	}
}

func TestWith(t *testing.T) {
	for name, c := range map[string]struct {
		own  policy.Policy
		want func(p *policy.Policy) // changes the policy of the service
	}{
		"nothing": {policy.Policy{}, func(*policy.Policy) {}},
		"a field": {
			policy.Policy{Timeout: time.Minute},
			func(p *policy.Policy) { p.Timeout = time.Minute },
		},
		"what the service has not": {
			policy.Policy{Idempotency: policy.Idempotent, Validate: true},
			func(p *policy.Policy) { p.Idempotency, p.Validate = policy.Idempotent, true },
		},
		"a struct as a whole": {
			policy.Policy{Concurrency: policy.Concurrency{Limit: 1}},
			func(p *policy.Policy) { p.Concurrency = policy.Concurrency{Limit: 1} },
		},
		"any caller that is authenticated": {
			policy.Policy{Auth: &policy.Auth{}},
			func(p *policy.Policy) { p.Auth = &policy.Auth{} },
		},
		"hedging overrides retries": {
			policy.Policy{Hedging: policy.Hedging{MaxAttempts: 2}},
			func(p *policy.Policy) {
				p.Retry, p.Hedging = policy.Retry{}, policy.Hedging{MaxAttempts: 2}
			},
		},
		"no timeout": {
			policy.Policy{Timeout: policy.None},
			func(p *policy.Policy) { p.Timeout = policy.None },
		},
		"no limit": {
			policy.Policy{MaxRequestBytes: -1},
			func(p *policy.Policy) { p.MaxRequestBytes = -1 },
		},
		"no rates": {
			policy.Policy{Rates: []policy.Rate{}},
			func(p *policy.Policy) { p.Rates = nil },
		},
		"no concurrency": {
			policy.Policy{Concurrency: policy.Concurrency{Limit: -1}},
			func(p *policy.Policy) { p.Concurrency = policy.Concurrency{} },
		},
		"log all": {
			policy.Policy{Log: policy.Log{Sample: 1}},
			func(p *policy.Policy) { p.Log = policy.Log{} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			base, want := service(), service()
			c.want(&want)
			if diff := cmp.Diff(want, base.With(c.own)); diff != "" {
				t.Errorf("With (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(service(), base); diff != "" {
				t.Errorf("With changes the policy of the service (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFor(t *testing.T) {
	p := service()
	p.Retry, p.Hedging = policy.Retry{}, policy.Hedging{MaxAttempts: 2}
	unary, stream := p, p
	unary.IdleTimeout, unary.TotalTimeout = 0, 0
	stream.Timeout, stream.MaxTimeout, stream.Hedging = 0, 0, policy.Hedging{}
	if diff := cmp.Diff(unary, p.For(false, false)); diff != "" {
		t.Errorf("For a unary method (-want +got):\n%s", diff)
	}
	for _, keywords := range [][2]bool{{false, true}, {true, false}, {true, true}} {
		if diff := cmp.Diff(stream, p.For(keywords[0], keywords[1])); diff != "" {
			t.Errorf("For a stream (client, server: %v) (-want +got):\n%s", keywords, diff)
		}
	}
}
