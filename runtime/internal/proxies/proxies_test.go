package proxies

import (
	"net/netip"
	"strings"
	"testing"
)

// setOf returns the addresses with prefixes that are separated by spaces.
func setOf(t testing.TB, prefixes string) Set {
	t.Helper()
	var parsed []netip.Prefix
	for _, text := range strings.Fields(prefixes) {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	set, err := NewSet(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestContains(t *testing.T) {
	set := setOf(t, "10.1.2.3/8 ::ffff:192.168.0.0/112 2001:db8::7/64 fe80::/10")
	for text, want := range map[string]bool{
		"10.0.0.1": true, "10.255.255.255": true, "11.0.0.1": false, "::ffff:10.0.0.1": true,
		"192.168.0.1": true, "192.169.0.1": false, "::ffff:192.168.0.1": true,
		"2001:db8::1": true, "2001:db8:0:1::1": false, "fe80::1%eth0": true, "::1": false, "0.0.0.0": false,
	} {
		if got := set.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if set.Contains(netip.Addr{}) || Set(nil).Contains(netip.MustParseAddr("10.0.0.1")) {
		t.Error("an address that is none is one of the set")
	}
}

func TestSetsThatAreInvalid(t *testing.T) {
	for want, prefixes := range map[string][]netip.Prefix{
		"name the proxies":  nil,
		"not valid":         {{}},
		"every address":     {netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0")},
		"::/0 has every":    {netip.MustParsePrefix("::/0")},
		"is not valid; mak": {netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 33)},
	} {
		if _, err := NewSet(prefixes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
