package server

import (
	"net"
	"testing"
)

func TestTextOfAddresses(t *testing.T) {
	for want, addr := range map[string]net.Addr{
		"":                nil,
		"10.0.0.7:4711":   &net.TCPAddr{IP: net.ParseIP("::ffff:10.0.0.7"), Port: 4711}, // as listeners of IPv6 have it
		"[2001:db8::7]:1": &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1},
		"/run/a.sock":     &net.UnixAddr{Name: "/run/a.sock", Net: "unix"},
	} {
		if got := textOf(addr); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
