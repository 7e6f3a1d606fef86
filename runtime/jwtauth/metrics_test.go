package jwtauth_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
)

// TestMetrics counts tokens that are verified, found in the cache, and rejected.
func TestMetrics(t *testing.T) {
	key, other := p256("a"), p256("a")
	i := newIssuer(t, key)
	a := i.authenticator(t)
	metrictest.Documented(t, "../../docs/authentication.md", a)
	token := i.token(key)
	for range 3 {
		if _, err := call(a, "Bearer "+token); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"garbage", i.token(other)} {
		if _, err := call(a, "Bearer "+bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	got := metrictest.Collect(t, a)
	tokens := func(result string) float64 {
		return got[`grpcservice_jwtauth_tokens_total{issuer="`+i.URL+`",result="`+result+`"}`]
	}
	if tokens("verified") != 1 || tokens("cached") != 2 || tokens("rejected") != 2 ||
		got[`grpcservice_jwtauth_keys{issuer="`+i.URL+`"}`] != 1 ||
		got[`grpcservice_jwtauth_key_fetches_total{issuer="`+i.URL+`",result="ok"}`] < 1 ||
		got[`grpcservice_jwtauth_keys_usable_until_timestamp_seconds{issuer="`+i.URL+`"}`] == 0 {
		t.Errorf("got %v", got)
	}
}
