package deploy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// virtualService has the fields that a mesh reads.
type virtualService struct {
	Spec struct {
		HTTP []route `yaml:"http"`
	} `yaml:"spec"`
}

type route struct {
	Name  string `yaml:"name"`
	Match []struct {
		URI     struct{ Exact string }            `yaml:"uri"`
		Headers map[string]struct{ Exact string } `yaml:"headers"`
	} `yaml:"match"`
	Route []struct {
		Destination struct{ Host, Subset string } `yaml:"destination"`
	} `yaml:"route"`
	Timeout string         `yaml:"timeout"`
	Retries map[string]any `yaml:"retries"`
}

// routed returns the route that a mesh selects for a call: the first one that matches.
func routed(t *testing.T, app deploy.App, path, version string) route {
	t.Helper()
	var v virtualService
	if err := yaml.Load(filesOf(t, app)["istio/virtualservice.yaml"], &v); err != nil {
		t.Fatal(err)
	}
	for _, r := range v.Spec.HTTP {
		if len(r.Match) == 0 {
			return r
		}
		m := r.Match[0]
		if (m.URI.Exact == "" || m.URI.Exact == path) && (m.Headers == nil || m.Headers["version"].Exact == version) {
			return r
		}
	}
	t.Fatalf("no route for %s", path)
	return route{}
}

// TestRoutesKeepPolicies checks how a mesh applies each policy setting, for callers with and
// without a version.
func TestRoutesKeepPolicies(t *testing.T) {
	const s = time.Second
	none := map[string]any{"attempts": 0}
	retry := func(attempts int, codes ...string) policy.Retry {
		return policy.Retry{MaxAttempts: attempts, InitialBackoff: s / 10, MaxBackoff: s, Multiplier: 2, Codes: codes}
	}
	retries := func(attempts int, on string) map[string]any {
		return map[string]any{"attempts": attempts, "retryOn": on, "backoff": "0.1s"}
	}
	tests := map[string]struct {
		policy  policy.Policy
		stream  bool
		timeout string
		retries map[string]any
	}{
		"nothing":                       {policy.Policy{}, false, "", none},
		"timeout":                       {policy.Policy{Timeout: 2 * s}, false, "2s", none},
		"no timeout":                    {policy.Policy{Timeout: policy.None}, false, "", none},
		"longest timeout":               {policy.Policy{MaxTimeout: 90 * s}, false, "90s", none},
		"a longer longest timeout":      {policy.Policy{Timeout: s, MaxTimeout: 3 * s}, false, "3s", none},
		"longest timeout without usual": {policy.Policy{Timeout: policy.None, MaxTimeout: 3 * s}, false, "3s", none},
		"microseconds are rounded up":   {policy.Policy{Timeout: 1500 * time.Microsecond}, false, "0.002s", none},
		"a nanosecond":                  {policy.Policy{Timeout: 1}, false, "0.001s", none},
		"stream":                        {policy.Policy{TotalTimeout: time.Hour}, true, "3600s", none},
		"endless stream":                {policy.Policy{TotalTimeout: policy.None, IdleTimeout: s}, true, "", none},
		"timeout of a unary call only":  {policy.Policy{Timeout: s, MaxTimeout: s}, true, "", none},
		"retry":                         {policy.Policy{Retry: retry(3, "UNAVAILABLE")}, false, "", retries(2, "unavailable")},
		"retry of a stream":             {policy.Policy{Retry: retry(2, "UNAVAILABLE")}, true, "", retries(1, "unavailable")},
		"retry within a timeout":        {policy.Policy{Timeout: s, Retry: retry(5, "UNAVAILABLE")}, false, "1s", retries(4, "unavailable")},
		"all codes that Envoy has": {policy.Policy{Retry: retry(2, "UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED")}, false, "",
			retries(1, "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable")},
		"a code that Envoy lacks":    {policy.Policy{Retry: retry(2, "ABORTED", "UNAVAILABLE")}, false, "", retries(1, "unavailable")},
		"only codes that it lacks":   {policy.Policy{Retry: retry(2, "ABORTED", "UNKNOWN")}, false, "", none},
		"a code twice":               {policy.Policy{Retry: retry(2, "UNAVAILABLE", "UNAVAILABLE")}, false, "", retries(1, "unavailable")},
		"hedging is the client's":    {policy.Policy{Hedging: policy.Hedging{Delay: s, MaxAttempts: 2}}, false, "", none},
		"reading is no retry":        {policy.Policy{Idempotency: policy.NoSideEffects}, false, "", none},
		"what is not for a mesh too": {policy.Policy{MaxRequestBytes: 1, Rates: []policy.Rate{{PerSecond: 1, Burst: 1}}}, false, "", none},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			app := one(deploy.Method{Name: "GetUser", Stream: tt.stream, Policy: tt.policy})
			for version, subset := range map[string]string{"": "v1", "v1": "v1", "v2": "v2", "v3": "v1"} {
				r := routed(t, app, "/shop.v1.UserService/GetUser", version)
				if diff := cmp.Diff(tt.retries, r.Retries); diff != "" || r.Timeout != tt.timeout {
					t.Errorf("version %q: timeout %q, want %q; retries (-want +got):\n%s", version, r.Timeout, tt.timeout, diff)
				}
				if d := r.Route[0].Destination; d.Subset != subset || d.Host != "shop" {
					t.Errorf("version %q goes to %v", version, d)
				}
			}
		})
	}
}

// TestRoutesOfOthers checks that a method's policy applies to that method only, and that calls
// without a policy are never retried: health, reflection and unknown methods.
func TestRoutesOfOthers(t *testing.T) {
	for _, path := range []string{"/shop.v1.UserService/CreateUser", "/shop.v1.UserService/GetUserAgain", "/grpc.health.v1.Health/Watch"} {
		for _, version := range []string{"", "v2"} {
			r := routed(t, shop(), path, version)
			if !strings.HasPrefix(r.Name, "default.") || r.Timeout != "" || !cmp.Equal(r.Retries, map[string]any{"attempts": 0}) {
				t.Errorf("%s %s goes to %+v", path, version, r)
			}
		}
	}
}

// TestCodesThatAMeshLacks checks that the file lists the codes that a mesh does not retry.
func TestCodesThatAMeshLacks(t *testing.T) {
	app := one(deploy.Method{Name: "GetUser", Policy: policy.Policy{Retry: policy.Retry{
		MaxAttempts: 2, InitialBackoff: 1, MaxBackoff: 1, Multiplier: 1, Codes: []string{"ABORTED", "UNKNOWN"}}}})
	if got := lines(string(filesOf(t, app)["istio/virtualservice.yaml"]), "Envoy cannot"); len(got) != 1 || !strings.Contains(got[0], "ABORTED, UNKNOWN") {
		t.Errorf("the file says %q", got)
	}
}

// TestVersions checks that the deployed version receives calls without a version, and that callers
// can select the next version.
func TestVersions(t *testing.T) {
	app := shop()
	for version, next := range map[string]string{"v1": "v2", "v2": "v3", "v9": "v10"} {
		app.Version = version
		if got := routed(t, app, "/x", "").Route[0].Destination.Subset; got != version {
			t.Errorf("%s: no version goes to %s", version, got)
		}
		if got := routed(t, app, "/x", next).Route[0].Destination.Subset; got != next {
			t.Errorf("%s: %s goes to %s", version, next, got)
		}
		rule := string(filesOf(t, app)["istio/destinationrule.yaml"])
		if !strings.Contains(rule, fmt.Sprintf("- name: %s\n", version)) || !strings.Contains(rule, fmt.Sprintf("- name: %s\n", next)) {
			t.Errorf("%s: the subsets lack one:\n%s", version, rule)
		}
	}
}
