package bounds

import (
	"net"
	"testing"
)

// custom is an address of a type that is not package net's.
type custom string

func (custom) Network() string  { return "custom" }
func (c custom) String() string { return string(c) }

func TestPeersAreAddressesWithoutTheirPorts(t *testing.T) {
	tcp := func(ip string, zone string) net.Addr {
		return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711, Zone: zone}
	}
	for name, test := range map[string]struct {
		addr net.Addr
		want string
	}{
		"none":              {nil, "unknown"},
		"nil TCP":           {(*net.TCPAddr)(nil), "unknown"},
		"empty TCP":         {&net.TCPAddr{}, "unknown"},
		"TCP":               {tcp("203.0.113.7", ""), "203.0.113.7"},
		"IPv4 in IPv6":      {tcp("::ffff:203.0.113.7", ""), "203.0.113.7"},
		"IPv6":              {tcp("2001:db8:1:2:3:4:5:6", ""), "2001:db8:1:2::/64"},
		"same /64":          {tcp("2001:db8:1:2:ffff::", "eth0"), "2001:db8:1:2::/64"},
		"IP":                {&net.IPAddr{IP: net.ParseIP("203.0.113.7")}, "203.0.113.7"},
		"IPv6 without port": {&net.IPAddr{IP: net.ParseIP("2001:db8::7")}, "2001:db8::/64"},
		"UDP":               {&net.UDPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1}, "2001:db8::/64"},
		"text":              {custom("203.0.113.7:1"), "203.0.113.7"},
		"text without port": {custom("2001:db8::7"), "2001:db8::/64"},
		"unnamed socket":    {&net.UnixAddr{Net: "unix"}, "unix"},
		"named socket":      {&net.UnixAddr{Net: "unix", Name: "/tmp/203.0.113.7:1"}, "unix"},
		"abstract socket":   {&net.UnixAddr{Net: "unix", Name: "@203.0.113.7"}, "unix"},
		"nil socket":        {(*net.UnixAddr)(nil), "unix"},
		"in memory":         {custom("bufconn"), "bufconn"},
	} {
		if got := PeerOf(test.addr).String(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if PeerOf(test.addr) != PeerOf(unique(test.addr)) {
			t.Errorf("%s: another connection from the address is another peer", name)
		}
	}
}
