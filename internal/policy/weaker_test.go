package policy_test

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/policy"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

func TestWeaker(t *testing.T) {
	auth := func(all, any string) rules.Policy {
		return rules.Policy{Auth: &rules.Auth{AllOf: strings.Fields(all), AnyOf: strings.Fields(any)}}
	}
	public := rules.Policy{Auth: &rules.Auth{Public: true}}
	rate := func(perSecond float64, burst int, key rules.Key) rules.Policy {
		return rules.Policy{Rates: []rules.Rate{{PerSecond: perSecond, Burst: burst, Key: key}}}
	}
	limit := func(n int) rules.Policy { return rules.Policy{Concurrency: rules.Concurrency{Limit: n}} }
	none := rules.Policy{}
	principals := func(ids ...string) rules.Policy {
		return rules.Policy{Auth: &rules.Auth{Principals: ids}}
	}
	for _, c := range []struct {
		name         string
		many, single rules.Policy
		want         string
	}{
		{"nothing is said", none, none, ""},
		{"nobody may call the batch", none, auth("a", ""), ""},
		{"nobody may call the other", auth("a", ""), none, "it rejects every caller"},
		{"the batch is public", public, auth("", ""), "it is public"},
		{"both are public", public, public, ""},
		{"the other is public", auth("", ""), public, ""},
		{"no scopes", auth("", ""), auth("", ""), ""},
		{"a scope is missing", auth("a", ""), auth("a b c", ""), "the scope b, c"},
		{"the scope is there", auth("a b", "c d"), auth("b", ""), ""},
		{"one of one is all of one", auth("", "a"), auth("a", ""), ""},
		{"one of two is not all of one", auth("", "a b"), auth("a", ""), "the scope a"},
		{"one of more", auth("", "a b c"), auth("", "a b"), "one of the scopes a, b"},
		{"one of fewer", auth("", "a b"), auth("", "a b c"), ""},
		{"one by all", auth("a", ""), auth("", "a b"), ""},
		{"no scope for one of two", auth("", ""), auth("", "a b"), "one of the scopes a, b"},
		{"no principals", auth("", ""), principals("a", "b"), "it does not list the principals a, b"},
		{"the same principals", principals("b", "a"), principals("a", "b"), ""},
		{"fewer principals", principals("a"), principals("a", "b"), ""},
		{"another principal", principals("a", "c"), principals("a", "b"), "it lists the principal c"},
		{"principals of the batch alone", principals("a"), auth("", ""), ""},
		{"a principal within a pattern", principals("spiffe://d/a/b"), principals("spiffe://d/a/*"), ""},
		{"a pattern within a pattern", principals("spiffe://d/a/b/*"), principals("spiffe://d/a/*"), ""},
		{"a wider pattern", principals("spiffe://d/*"), principals("spiffe://d/a/*"),
			"it lists the principal spiffe://d/*"},
		{"no rate", none, rate(5, 10, rules.ByPrincipal), "no rate with KEY_PRINCIPAL of at most 5 calls per second and a burst of 10"},
		{"another key", rate(5, 10, rules.ByMethod), rate(5, 10, rules.ByPeer), "KEY_PEER"},
		{"a higher rate", rate(6, 10, rules.ByMethod), rate(5, 10, rules.ByMethod), "KEY_METHOD"},
		{"a higher burst", rate(5, 11, rules.ByMethod), rate(5, 10, rules.ByMethod), "KEY_METHOD"},
		{"the same rate", rate(5, 10, rules.ByMethod), rate(5, 10, rules.ByMethod), ""},
		{"a lower rate", rate(1, 1, rules.ByMethod), rate(5, 10, rules.ByMethod), ""},
		{"a rate of the batch alone", rate(1, 1, rules.ByMethod), none, ""},
		{"no limit", none, limit(3), "no concurrency limit of at most 3"},
		{"a higher limit", limit(4), limit(3), "no concurrency limit of at most 3"},
		{"a lower limit", limit(3), limit(4), ""},
	} {
		got := strings.Join(policy.Weaker(c.many, c.single), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
