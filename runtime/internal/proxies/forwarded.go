package proxies

import (
	"net/netip"
	"strings"
)

// ForwardedFor is the header to which each proxy appends the address that it received a call from.
const ForwardedFor = "x-forwarded-for"

// Limits of what is read of ForwardedFor.
const (
	// maxHops is how many proxies a call may have passed.
	maxHops = 16
	// maxEntry is the length of the longest address with a port.
	maxEntry = 64
)

// Client returns the client of a call that a peer has sent with values of [ForwardedFor]: the last
// address that is not one of the proxies in s, because only what they append can be trusted. It
// returns the zero Addr if the peer is none of the proxies, or did not append an address.
//
// An entry that is not an address ends the search, as does the first one if all are proxies. The
// call is then one of the proxy that appended the entry after it.
func (s Set) Client(peer netip.Addr, values []string) (client netip.Addr) {
	if !s.Contains(peer) {
		return netip.Addr{}
	}
	hops := 0
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more; hops++ {
			var entry string
			entry, rest, more = lastEntry(rest)
			addr, ok := parseHop(entry)
			if !ok || hops == maxHops {
				return client
			}
			if client = addr; !s.Contains(addr) {
				return client
			}
		}
	}
	return client
}

// lastEntry returns the last entry of a list, and the entries before it.
func lastEntry(list string) (entry, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[i+1:], list[:i], true
	}
	return list, "", false
}

// parseHop reads an address with or without a port. An IPv6 address with a port is in brackets.
func parseHop(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if len(entry) > maxEntry {
		return netip.Addr{}, false
	}
	text := entry
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return withPort(entry)
		}
		if !strings.Contains(text, ":") {
			return netip.Addr{}, false
		}
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	return withPort(entry)
}

func withPort(entry string) (netip.Addr, bool) {
	addrPort, err := netip.ParseAddrPort(entry)
	if err != nil {
		return netip.Addr{}, false
	}
	return addrPort.Addr().Unmap().WithZone(""), true
}
