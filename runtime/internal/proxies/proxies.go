// Package proxies reads what proxies state about the clients that they forward: the header
// X-Forwarded-For, and the PROXY protocol.
package proxies

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Set is a set of addresses of proxies.
type Set []netip.Prefix

// NewSet returns the addresses with one of the prefixes. It returns an error for prefixes that are
// invalid, or that have every address.
func NewSet(prefixes []netip.Prefix) (Set, error) {
	if len(prefixes) == 0 {
		return nil, errors.New("name the proxies, as in netip.MustParsePrefix(\"10.0.0.7/32\")")
	}
	set := make(Set, 0, len(prefixes))
	for _, prefix := range prefixes {
		switch {
		case !prefix.IsValid():
			return nil, errors.New("a prefix is not valid; make it with netip.ParsePrefix")
		case prefix.Bits() == 0:
			return nil, fmt.Errorf("%v has every address, so that every caller could choose its own; name the proxies", prefix)
		}
		set = append(set, unmapped(prefix))
	}
	return set, nil
}

// unmapped returns a prefix of IPv4 addresses in IPv6 as one of IPv4.
func unmapped(prefix netip.Prefix) netip.Prefix {
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked()
}

// Contains reports whether an address is one of the set. The zero Addr is in none.
func (s Set) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(s, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}
