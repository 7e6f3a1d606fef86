package endpointslice

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

// Limits of one service.
const (
	maxEndpoints = 10_000
	maxSlices    = 10_000
)

// use is how an endpoint may be used.
type use int

const (
	unusable use = iota
	fallback     // only while no endpoint is usable
	usable
)

// useOf returns how an endpoint may be used, with the defaults of the API. A service with
// publishNotReadyAddresses has endpoints that are ready even if their pods are not, and while they
// terminate.
func useOf(c conditions) use {
	ready := c.Ready == nil || *c.Ready
	serving := c.Serving == nil && ready || c.Serving != nil && *c.Serving
	terminating := c.Terminating != nil && *c.Terminating
	switch {
	case ready && !terminating:
		return usable
	case ready || serving:
		return fallback
	default:
		return unusable
	}
}

// server is an endpoint of a slice.
type server struct {
	address netip.AddrPort
	pod     string // its UID, or ""
	zone    string
	use     use
}

// slice is what is kept of an EndpointSlice.
type slice struct {
	servers []server
	size    int    // the number of endpoints, usable or not
	ports   string // those that the slice has, if it does not have the one of the target
}

// merged holds the slices of a service.
type merged struct {
	port   port
	slices map[string]slice
	size   int // the number of endpoints
}

func newMerged(p port) *merged { return &merged{port: p, slices: map[string]slice{}} }

// put adds a slice, or replaces the one with its name.
func (m *merged) put(object endpointSlice) error {
	name := object.Metadata.Name
	size := m.size - m.slices[name].size + len(object.Endpoints)
	if size > maxEndpoints {
		return fmt.Errorf("more than %d endpoints", maxEndpoints)
	}
	if _, known := m.slices[name]; !known && len(m.slices) == maxSlices {
		return fmt.Errorf("more than %d EndpointSlices", maxSlices)
	}
	m.slices[name] = m.port.read(object)
	m.size = size
	return nil
}

// remove removes a slice.
func (m *merged) remove(name string) {
	m.size -= m.slices[name].size
	delete(m.slices, name)
}

// read returns what is kept of a slice.
func (p port) read(object endpointSlice) slice {
	s := slice{size: len(object.Endpoints)}
	number, ok := p.find(object.Ports)
	if !ok {
		s.ports = describePorts(object.Ports)
		return s
	}
	for _, e := range object.Endpoints {
		use := useOf(e.Conditions)
		address, ok := parseAddress(object.AddressType, e.Addresses)
		if !ok || use == unusable {
			continue
		}
		s.servers = append(s.servers, server{
			address: netip.AddrPortFrom(address, number),
			pod:     e.TargetRef.UID, zone: e.Zone, use: use,
		})
	}
	return s
}

// parseAddress returns the first address of an endpoint. Others have no meaning, and neither have
// slices of names (FQDN): see the reference of the API.
func parseAddress(kind string, addresses []string) (netip.Addr, bool) {
	if len(addresses) == 0 {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(addresses[0])
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, false
	}
	return address, kind == "IPv4" && address.Is4() || kind == "IPv6" && address.Is6()
}

// endpoints returns the servers that calls may go to: those that are ready or, if there are none,
// those that are still serving. Their certificates must have the given name. The order is the same
// for the same slices.
func (m *merged) endpoints(name string) []resolver.Endpoint {
	best := unusable
	var servers []server
	for _, name := range slices.Sorted(maps.Keys(m.slices)) {
		for _, s := range m.slices[name].servers {
			if s.use > best {
				best, servers = s.use, servers[:0]
			}
			if s.use == best {
				servers = append(servers, s)
			}
		}
	}
	return join(servers, name)
}

// join returns an endpoint for each server. It removes those that are in several slices, as during
// a move from one to another, and joins the IPv4 and the IPv6 address of a pod.
func join(servers []server, name string) []resolver.Endpoint {
	// IPv4 first: whichever comes first, a connection tries the other soon.
	slices.SortStableFunc(servers, func(a, b server) int {
		return a.address.Addr().BitLen() - b.address.Addr().BitLen()
	})
	seen := make(map[netip.AddrPort]bool, len(servers))
	pods := map[string]int{} // the index of a pod's endpoint
	var result []resolver.Endpoint
	for _, s := range servers {
		if seen[s.address] {
			continue
		}
		seen[s.address] = true
		e := endpoint.New(s.address.String())
		e.Addresses[0].ServerName = name
		i, known := pods[s.pod]
		if known && len(result[i].Addresses) == 1 && s.address.Addr().Is6() &&
			!strings.HasPrefix(result[i].Addresses[0].Addr, "[") {
			result[i].Addresses = append(result[i].Addresses, e.Addresses...)
			continue
		}
		if s.pod != "" {
			pods[s.pod] = len(result)
		}
		if s.zone != "" {
			e = endpoint.WithZone(e, s.zone)
		}
		result = append(result, e)
	}
	return result
}

// reason returns why there are no endpoints.
func (m *merged) reason() string {
	if len(m.slices) == 0 {
		return "it has no EndpointSlice; check its name and namespace"
	}
	if m.size == 0 {
		return "it has no pods"
	}
	for _, name := range slices.Sorted(maps.Keys(m.slices)) {
		if ports := m.slices[name].ports; ports != "" {
			return fmt.Sprintf("it has no port %s, but %s", m.port, ports)
		}
	}
	return fmt.Sprintf("none of its %d endpoints is ready", m.size)
}

// describePorts returns the ports of a slice, for an error.
func describePorts(ports []slicePort) string {
	if len(ports) == 0 {
		return "no ports at all"
	}
	var texts []string
	for _, p := range ports[:min(len(ports), 5)] {
		text := strconv.Itoa(int(p.Port))
		if p.Name != "" {
			text = shorten(p.Name) + " (" + text + ")"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
