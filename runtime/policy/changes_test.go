package policy_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// TestChanges compares policies option by option.
func TestChanges(t *testing.T) {
	start := policy.Policy{
		Timeout: time.Second, Auth: &policy.Auth{AllOf: []string{"read"}},
		Rates: []policy.Rate{{PerSecond: 10, Burst: 20, Key: policy.ByPeer}},
		Page:  policy.Page{DefaultSize: 1, MaxSize: 2, TokenTTL: time.Hour},
	}
	with := func(change func(p *policy.Policy)) policy.Policy {
		p := start
		change(&p)
		return p
	}
	for name, test := range map[string]struct {
		now  policy.Policy
		want []policy.Change
	}{
		"nothing": {start, nil},
		"timeouts": {with(func(p *policy.Policy) { p.Timeout, p.MaxTimeout = policy.None, time.Minute }), []policy.Change{
			{"timeout.default", "1s", "0s", true}, {"timeout.max", "", "1m0s", true},
		}},
		"rates": {with(func(p *policy.Policy) { p.Rates = append(slices.Clone(p.Rates), policy.Rate{PerSecond: 0.5, Burst: 1}) }), []policy.Change{
			{"rate", "[{per_second: 10, burst: 20, key: KEY_PEER}]",
				"[{per_second: 10, burst: 20, key: KEY_PEER}, {per_second: 0.5, burst: 1, key: KEY_METHOD}]", true},
		}},
		"no rates": {with(func(p *policy.Policy) { p.Rates = nil }), []policy.Change{
			{"rate", "[{per_second: 10, burst: 20, key: KEY_PEER}]", "", true},
		}},
		"concurrency and log": {with(func(p *policy.Policy) {
			p.Concurrency, p.Log = policy.Concurrency{Limit: 5, Adaptive: true}, policy.Log{Level: -4, Sample: -1}
		}), []policy.Change{
			{"concurrency.limit", "", "5", true}, {"concurrency.adaptive", "", "true", true},
			{"log.level", "LEVEL_INFO", "LEVEL_DEBUG", true}, {"log.sample", "", "0", true},
		}},
		"scopes": {with(func(p *policy.Policy) { p.Auth = &policy.Auth{} }), []policy.Change{
			{"auth", "{public: false, all_of: [read]}", "{public: false}", false},
		}},
		"no auth": {with(func(p *policy.Policy) { p.Auth = nil }), []policy.Change{
			{"auth", "{public: false, all_of: [read]}", "", false},
		}},
		"limits of a pattern": {with(func(p *policy.Policy) { p.Page.MaxSize = 3 }), []policy.Change{
			{"page.max_size", "2", "3", false},
		}},
		"the size of requests, and validation": {with(func(p *policy.Policy) { p.MaxRequestBytes, p.Validate = 5, true }), []policy.Change{
			{"max_request_bytes", "", "5", false}, {"validation.skip", "true", "false", false},
		}},
		"retries": {with(func(p *policy.Policy) { p.Retry.MaxAttempts = 3 }), []policy.Change{
			{"retry.max_attempts", "", "3", false},
		}},
	} {
		got := policy.Changes(start, test.now)
		if name == "retries" { // and what completes it
			got = slices.DeleteFunc(got, func(c policy.Change) bool { return c.Option != "retry.max_attempts" })
			test.want = test.want[:1]
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// TestValues lists what a policy sets, in the spelling of options.
func TestValues(t *testing.T) {
	got := policy.Values(policy.Policy{
		Timeout: 2 * time.Second, MaxTimeout: policy.None, Auth: &policy.Auth{Public: true}, Validate: true,
		Rates: []policy.Rate{{PerSecond: 1.5, Burst: 2, Key: policy.ByPeer}},
		Retry: policy.Retry{MaxAttempts: 3, InitialBackoff: time.Second, MaxBackoff: time.Minute, Multiplier: 2, Codes: []string{"ABORTED"}},
	})
	want := []policy.Value{
		{"timeout.default", "2s"}, {"timeout.max", "0s"}, {"auth", "{public: true}"},
		{"rate", "[{per_second: 1.5, burst: 2, key: KEY_PEER}]"},
		{"retry.max_attempts", "3"}, {"retry.initial_backoff", "1s"}, {"retry.max_backoff", "1m0s"},
		{"retry.backoff_multiplier", "2"}, {"retry.codes", "[ABORTED]"}, {"log.level", "LEVEL_INFO"}, {"validation.skip", "false"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
