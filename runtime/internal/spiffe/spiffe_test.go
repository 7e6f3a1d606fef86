package spiffe_test

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/spiffe"
)

func TestCheck(t *testing.T) {
	for id, want := range map[string]string{
		"spiffe://example.org/a":                                  "",
		"spiffe://example.org/ns/shop/sa/order-api_v1.2":          "",
		"spiffe://" + strings.Repeat("d", 255) + "/A":             "",
		"spiffe://1.2.3.4/a":                                      "",
		"":                                                        "does not start",
		"https://example.org/a":                                   "does not start",
		"SPIFFE://example.org/a":                                  "does not start",
		"spiffe:/example.org/a":                                   "does not start",
		"spiffe://":                                               "trust domain is empty",
		"spiffe:///a":                                             "trust domain is empty",
		"spiffe://example.org":                                    "no path",
		"spiffe://example.org/":                                   "is empty",
		"spiffe://example.org/a/":                                 "is empty",
		"spiffe://example.org//a":                                 "is empty",
		"spiffe://example.org/./a":                                `is "."`,
		"spiffe://example.org/a/../b":                             `is ".."`,
		"spiffe://example.org/%61":                                `contains '%'`,
		"spiffe://example.org/a?b":                                `contains '?'`,
		"spiffe://example.org/a#b":                                `contains '#'`,
		"spiffe://example.org/a b":                                `contains ' '`,
		"spiffe://example.org/ä":                                  `contains 'ä'`,
		"spiffe://example.org/*":                                  `contains '*'`,
		"spiffe://Example.org/a":                                  `contains 'E'`,
		"spiffe://example.org:8080/a":                             `contains ':'`,
		"spiffe://user@example.org/a":                             `contains '@'`,
		"spiffe://example.org/a\x00":                              `contains '\x00'`,
		"spiffe://" + strings.Repeat("d", 256) + "/a":             "256 bytes",
		"spiffe://example.org/" + strings.Repeat("a", 2048-20):    "2049 bytes",
		"spiffe://example.org/" + strings.Repeat("a", 2048-21):    "",
		"spiffe://example.org/" + strings.Repeat("a/", 1<<20):     "2097173 bytes",
		"spiffe://example.org/" + strings.Repeat("../", 100) + "": `is ".."`,
	} {
		if err := spiffe.Check(id); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", id, err, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, row := range []struct {
		pattern, id string
		want        bool
	}{
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop/api", true},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop/api/v1", true},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop/", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shopping", false},
		{"spiffe://example.org/*", "spiffe://example.org/a", true},
		{"spiffe://example.org/*", "spiffe://example.org.evil.com/a", false},
		{"spiffe://*", "spiffe://example.org/a", false},
		{"spiffe://example.org/shop*", "spiffe://example.org/shopping", false},
		{"*", "spiffe://example.org/a", false},
		{"https://id.example.com/*", "https://id.example.com/x", false},
		{"dns:books.example.com", "dns:books.example.com", true},
		{"", "", true},
		{"spiffe://example.org/a", "spiffe://example.org/A", false},
	} {
		if got := spiffe.Matches(row.pattern, row.id); got != row.want {
			t.Errorf("Matches(%q, %q) = %v", row.pattern, row.id, got)
		}
	}
	for _, pattern := range []string{"spiffe://example.org/*", "spiffe://example.org/a/*", "spiffe://example.org/a"} {
		if err := spiffe.CheckPattern(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	for _, pattern := range []string{"spiffe://*", "spiffe:///*", "spiffe://example.org/*/*", "spiffe://example.org/*/a",
		"spiffe://example.org/a*", "spiffe://*/a", "*", "/*"} {
		if err := spiffe.CheckPattern(pattern); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("spiffe://example.org/a")
	f.Fuzz(func(t *testing.T, id string) {
		if spiffe.Check(id) == nil && !spiffe.Matches("spiffe://"+spiffe.TrustDomain(id)+"/*", id) {
			t.Errorf("%q is not in its trust domain", id)
		}
	})
}
