package model

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// TestSharedPolicyIsExact checks that the rows of a table have the policies of their methods,
// regardless of what the methods share.
func TestSharedPolicyIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	shared := 0
	for range 2000 {
		var s Service
		for range random.IntN(6) {
			m := Method{Kind: Kind(random.IntN(4))}
			m.Policy = Policy{Policy: randomPolicy(random, m.Kind)}
			s.Methods = append(s.Methods, m)
		}
		s.sharePolicy()
		if s.SharesPolicy() {
			shared++
		}
		for _, m := range s.Methods {
			got := s.Policy.With(m.OwnPolicy.Policy)
			got = got.For(m.Kind.StreamsRequests(), m.Kind.StreamsResponses())
			if diff := cmp.Diff(m.Policy.Policy, got); diff != "" {
				t.Fatalf("a row of %+v has another policy than its method (-want +got):\n%s", s, diff)
			}
		}
	}
	if shared < 500 {
		t.Errorf("only %d of the services share a policy", shared)
	}
}

// randomPolicy returns a policy that options can set for a method of a kind.
func randomPolicy(random *rand.Rand, kind Kind) rules.Policy {
	one := func(n int) bool { return random.IntN(n) == 0 }
	timeout := func() time.Duration {
		all := []time.Duration{0, rules.None, time.Second, time.Second, time.Second, time.Minute}
		return all[random.IntN(len(all))]
	}
	p := rules.Policy{MaxRequestBytes: []int64{0, -1, 100, 100, 100}[random.IntN(5)], Validate: one(2)}
	if kind == Unary {
		p.Timeout, p.MaxTimeout = timeout(), timeout()
	} else {
		p.IdleTimeout, p.TotalTimeout = timeout(), timeout()
	}
	if !one(4) {
		p.Auth = &rules.Auth{Public: one(3)}
	}
	if !one(4) {
		p.Rates = []rules.Rate{{PerSecond: 1, Burst: 1 + random.IntN(2)}}
	}
	if !one(4) {
		p.Concurrency.Limit = 1 + random.IntN(2)
	}
	if !one(4) {
		p.Log = rules.Log{Level: slog.LevelDebug, Sample: []float64{0, -1, 0.5}[random.IntN(3)]}
	}
	switch {
	case kind == Unary && one(3):
		p.Hedging = rules.Hedging{MaxAttempts: 2 + random.IntN(2), NonFatalCodes: []string{"UNAVAILABLE"}}
	case !one(3):
		p.Retry = rules.Retry{MaxAttempts: 2 + random.IntN(2), Codes: []string{"UNAVAILABLE"}}
	}
	if kind == Unary && one(3) {
		p.Page = rules.Page{DefaultSize: 10, MaxSize: 20}
	}
	return p
}

// TestSharedPolicy checks which policy a service shares.
func TestSharedPolicy(t *testing.T) {
	auth := rules.Policy{Auth: &rules.Auth{AllOf: []string{"read"}}}
	anyone := rules.Policy{Auth: &rules.Auth{}}
	retry := rules.Policy{Retry: rules.Retry{MaxAttempts: 3}}
	hedging := rules.Policy{Hedging: rules.Hedging{MaxAttempts: 2}}
	silent := rules.Policy{Log: rules.Log{Sample: -1}}
	checked := rules.Policy{Validate: true}
	none := rules.Policy{}
	for name, c := range map[string]struct {
		methods []rules.Policy // of unary methods
		want    rules.Policy
	}{
		"one method":              {[]rules.Policy{auth}, none},
		"what all have":           {[]rules.Policy{auth, auth}, auth},
		"what most have":          {[]rules.Policy{anyone, auth, auth}, auth},
		"what one has not":        {[]rules.Policy{auth, auth, none}, none},
		"what one turns off":      {[]rules.Policy{silent, silent, none}, silent},
		"what half turn off":      {[]rules.Policy{silent, silent, none, none}, none},
		"retries, beside hedging": {[]rules.Policy{retry, retry, hedging}, retry},
		"what a message decides":  {[]rules.Policy{checked, checked}, none},
	} {
		var s Service
		for _, p := range c.methods {
			s.Methods = append(s.Methods, Method{Policy: Policy{Policy: p}})
		}
		s.sharePolicy()
		if diff := cmp.Diff(c.want, s.Policy.Policy); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
