package proxies

import (
	"net/netip"
	"strings"
	"testing"
)

func TestClientIsTheLastAddressThatIsNoProxy(t *testing.T) {
	set := setOf(t, "10.0.0.0/8 2001:db8::/32")
	for name, test := range map[string]struct {
		peer   string
		values []string
		want   string
	}{
		"no header":              {"10.0.0.1", nil, ""},
		"no proxy":               {"203.0.113.9", []string{"198.51.100.1"}, ""},
		"one":                    {"10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		"spoofed":                {"10.0.0.1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"spoofed proxies":        {"10.0.0.1", []string{"10.0.0.2, 10.0.0.3, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":            {"10.0.0.1", []string{"1.1.1.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		"two headers":            {"10.0.0.1", []string{"1.1.1.1", "203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		"spoofed header":         {"10.0.0.1", []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		"all proxies":            {"10.0.0.1", []string{"10.0.0.5, 10.0.0.4"}, "10.0.0.5"},
		"without spaces":         {"10.0.0.1", []string{"1.1.1.1,203.0.113.9,10.0.0.2"}, "203.0.113.9"},
		"tabs":                   {"10.0.0.1", []string{"1.1.1.1,\t203.0.113.9\t"}, "203.0.113.9"},
		"port":                   {"10.0.0.1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6":                   {"2001:db8::1", []string{"2001:dead::5"}, "2001:dead::5"},
		"IPv6 in brackets":       {"10.0.0.1", []string{"[2001:dead::5]"}, "2001:dead::5"},
		"IPv6 with port":         {"10.0.0.1", []string{"[2001:dead::5]:443"}, "2001:dead::5"},
		"IPv6 zone":              {"10.0.0.1", []string{"fe80::1%eth0"}, "fe80::1"},
		"IPv4 in IPv6":           {"::ffff:10.0.0.1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"proxy as IPv4 in IPv6":  {"10.0.0.1", []string{"203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9"},
		"empty":                  {"10.0.0.1", []string{""}, ""},
		"garbage":                {"10.0.0.1", []string{"unknown"}, ""},
		"garbage before":         {"10.0.0.1", []string{"garbage, 203.0.113.9"}, "203.0.113.9"},
		"garbage after":          {"10.0.0.1", []string{"203.0.113.9, garbage"}, ""},
		"garbage before a proxy": {"10.0.0.1", []string{"203.0.113.9, garbage, 10.0.0.2"}, "10.0.0.2"},
		"empty entry":            {"10.0.0.1", []string{"203.0.113.9,"}, ""},
		"obfuscated":             {"10.0.0.1", []string{"_hidden"}, ""},
		"host name":              {"10.0.0.1", []string{"example.com"}, ""},
		"IPv4 in brackets":       {"10.0.0.1", []string{"[203.0.113.9]"}, ""},
		"half a bracket":         {"10.0.0.1", []string{"[2001:dead::5"}, ""},
		"IPv4, octal":            {"10.0.0.1", []string{"0203.0.113.9"}, ""},
		"port without number":    {"10.0.0.1", []string{"203.0.113.9:"}, ""},
		"port too large":         {"10.0.0.1", []string{"203.0.113.9:65536"}, ""},
		"quoted":                 {"10.0.0.1", []string{`"203.0.113.9"`}, ""},
		"Forwarded":              {"10.0.0.1", []string{"for=203.0.113.9"}, ""},
		"long zone":              {"10.0.0.1", []string{"fe80::1%" + strings.Repeat("x", 1000)}, ""},
		"huge":                   {"10.0.0.1", []string{strings.Repeat("9", 1<<20)}, ""},
		"huge list":              {"10.0.0.1", []string{strings.Repeat("203.0.113.9,", 1<<16) + "203.0.113.7"}, "203.0.113.7"},
		"endless proxies":        {"10.0.0.1", []string{"203.0.113.9" + strings.Repeat(",10.0.0.2", 1<<16)}, "10.0.0.2"},
		"commas":                 {"10.0.0.1", []string{strings.Repeat(",", 1<<16)}, ""},
	} {
		got := set.Client(netip.MustParseAddr(test.peer), test.values)
		if test.want == "" && got.IsValid() || test.want != "" && got != netip.MustParseAddr(test.want) {
			t.Errorf("%s: %v, want %q", name, got, test.want)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1", "203.0.113.9, 10.0.0.2", "[2001:db8::1]:443, unknown")
	f.Add("::1", "", "fe80::1%eth0,,:,")
	set := setOf(f, "10.0.0.0/8 2001:db8::/32")
	f.Fuzz(func(t *testing.T, peer, first, second string) {
		from, _ := netip.ParseAddr(peer)
		client := set.Client(from, []string{first, second})
		if client.IsValid() && !set.Contains(from) {
			t.Errorf("%v is no proxy, but chose %v", from, client)
		}
		if client.Is4In6() || client.Zone() != "" {
			t.Errorf("the client is %v", client)
		}
		// What a client writes before the address that a proxy appends changes nothing.
		spoofed := set.Client(netip.MustParseAddr("10.0.0.1"), []string{first, second + ",203.0.113.9"})
		if spoofed != netip.MustParseAddr("203.0.113.9") {
			t.Errorf("%q and %q make the client %v", first, second, spoofed)
		}
	})
}
