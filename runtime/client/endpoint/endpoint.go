// Package endpoint has what resolvers tell balancers about a server, besides its addresses.
package endpoint

import "google.golang.org/grpc/resolver"

// New returns a server with its addresses, each "host:port". Several are of one server, such as
// one of IPv4 and one of IPv6: a connection uses the first that answers.
func New(addresses ...string) resolver.Endpoint {
	e := resolver.Endpoint{Addresses: make([]resolver.Address, len(addresses))}
	for i, address := range addresses {
		e.Addresses[i].Addr = address
	}
	return e
}

type (
	zoneKey   struct{}
	weightKey struct{}
)

// WithZone returns a copy of e in a zone: an area whose servers reach each other fast and at no
// cost, such as "eu-west-1a".
func WithZone(e resolver.Endpoint, zone string) resolver.Endpoint {
	e.Attributes = e.Attributes.WithValue(zoneKey{}, zone)
	return e
}

// Zone returns the zone of e, or "" if it is unknown.
func Zone(e resolver.Endpoint) string {
	zone, _ := e.Attributes.Value(zoneKey{}).(string)
	return zone
}

// WithWeight returns a copy of e with a weight: its share of the calls relative to other servers.
// Balancers that have no weights ignore it.
func WithWeight(e resolver.Endpoint, weight uint32) resolver.Endpoint {
	e.Attributes = e.Attributes.WithValue(weightKey{}, weight)
	return e
}

// Weight returns the weight of e, or 0 if it has none.
func Weight(e resolver.Endpoint) uint32 {
	weight, _ := e.Attributes.Value(weightKey{}).(uint32)
	return weight
}
