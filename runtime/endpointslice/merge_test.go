package endpointslice_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
)

// pod returns an endpoint of a pod.
func pod(uid, address string, conditions apiservertest.Conditions) apiservertest.Endpoint {
	return apiservertest.Endpoint{
		Addresses: []string{address}, Conditions: conditions,
		TargetRef: &apiservertest.TargetRef{Kind: "Pod", Name: uid, UID: uid},
	}
}

func slice(name, addressType string, endpoints ...apiservertest.Endpoint) apiservertest.Slice {
	s := books(name)
	s.AddressType, s.Endpoints = addressType, endpoints
	return s
}

var (
	ready     = apiservertest.State(true, true, false)
	draining  = apiservertest.State(false, true, true)
	dying     = apiservertest.State(false, false, true)
	starting  = apiservertest.State(false, false, false)
	published = apiservertest.State(true, false, false) // by publishNotReadyAddresses
	leaving   = apiservertest.State(true, true, true)   // the same
	unset     = apiservertest.Conditions{}
	yes, no   = true, false
)

// TestMerge checks which endpoints of the slices of a service are used.
func TestMerge(t *testing.T) {
	zoned := pod("a", "10.0.0.1", ready)
	zoned.Zone = "eu-west-1a"
	otherPort := slice("b", "IPv4", pod("b", "10.0.0.2", ready))
	otherPort.Ports = []apiservertest.Port{
		{Name: "metrics", Port: 9000}, {Name: "grpc", Protocol: "UDP", Port: 53}, {Name: "grpc", Port: 9001},
	}
	noPort := slice("c", "IPv4", pod("c", "10.0.0.3", ready))
	noPort.Ports = []apiservertest.Port{{Name: "grpc", Port: 0}, {Name: "http", Port: 8080}}
	tests := map[string]struct {
		slices []apiservertest.Slice
		want   []string
	}{
		"ready only": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("a", "10.0.0.1", ready), pod("b", "10.0.0.2", draining),
				pod("c", "10.0.0.3", dying), pod("d", "10.0.0.4", starting), pod("e", "10.0.0.5", leaving))},
			[]string{"10.0.0.1:9000"},
		},
		"serving if none is ready": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("b", "10.0.0.2", draining), pod("c", "10.0.0.3", dying),
				pod("d", "10.0.0.4", starting), pod("e", "10.0.0.5", leaving))},
			[]string{"10.0.0.2:9000", "10.0.0.5:9000"},
		},
		"ready in another slice": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("b", "10.0.0.2", draining)),
				slice("b", "IPv4", pod("a", "10.0.0.1", ready)), slice("c", "IPv4", pod("c", "10.0.0.3", draining))},
			[]string{"10.0.0.1:9000"},
		},
		"published before they are ready": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("a", "10.0.0.1", published), pod("b", "10.0.0.2", ready))},
			[]string{"10.0.0.1:9000", "10.0.0.2:9000"},
		},
		"without conditions": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("a", "10.0.0.1", unset),
				pod("b", "10.0.0.2", apiservertest.Conditions{Ready: &no}),
				pod("c", "10.0.0.3", apiservertest.Conditions{Ready: &yes}),
				pod("d", "10.0.0.4", apiservertest.Conditions{Terminating: &yes}))},
			[]string{"10.0.0.1:9000", "10.0.0.3:9000"},
		},
		"ready here, draining there": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("a", "10.0.0.1", draining)),
				slice("b", "IPv4", pod("a", "10.0.0.1", ready))},
			[]string{"10.0.0.1:9000"},
		},
		"IPv4 and IPv6 of a pod": {
			[]apiservertest.Slice{slice("a", "IPv6", pod("a", "fd00::1", ready), pod("b", "fd00::2", ready)),
				slice("b", "IPv4", pod("a", "10.0.0.1", ready), pod("a", "10.0.0.9", ready))},
			[]string{"10.0.0.1:9000", "10.0.0.9:9000+[fd00::1]:9000", "[fd00::2]:9000"},
		},
		"IPv4 and IPv6 of a pod that moves": {
			[]apiservertest.Slice{slice("a", "IPv4", pod("a", "10.0.0.1", ready)), slice("b", "IPv4", pod("a", "10.0.0.1", ready)),
				slice("c", "IPv6", pod("a", "fd00::1", ready)), slice("d", "IPv6", pod("a", "fd00::1", ready))},
			[]string{"10.0.0.1:9000+[fd00::1]:9000"},
		},
		"without pods": {
			[]apiservertest.Slice{books("a", "10.0.0.1", "10.0.0.2"), slice("b", "IPv6",
				apiservertest.Endpoint{Addresses: []string{"fd00::1"}})},
			[]string{"10.0.0.1:9000", "10.0.0.2:9000", "[fd00::1]:9000"},
		},
		"zone":            {[]apiservertest.Slice{slice("a", "IPv4", zoned)}, []string{"10.0.0.1:9000@eu-west-1a"}},
		"ports per slice": {[]apiservertest.Slice{books("a", "10.0.0.1"), otherPort, noPort}, []string{"10.0.0.1:9000", "10.0.0.2:9001"}},
		"bad addresses": {
			[]apiservertest.Slice{slice("a", "IPv4", apiservertest.Endpoint{}, pod("a", "fd00::1", ready), pod("b", "10.0.0", ready),
				pod("c", "", ready), pod("d", "10.0.0.1", ready)),
				slice("b", "IPv6", pod("e", "10.0.0.2", ready), pod("f", "fe80::1%eth0", ready)),
				slice("c", "FQDN", pod("g", "books.example.com", ready))},
			[]string{"10.0.0.1:9000"},
		},
		"first address": {
			[]apiservertest.Slice{slice("a", "IPv4", apiservertest.Endpoint{Addresses: []string{"10.0.0.1", "10.0.0.2"}})},
			[]string{"10.0.0.1:9000"},
		},
	}
	s := start(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, slice := range test.slices {
				s.Put(slice)
			}
			rec := resolve(t, booksTarget, options(s)...)
			rec.want(test.want...)
			for _, slice := range test.slices {
				s.Delete("shop", slice.Name)
			}
			rec.want()
		})
	}
}

// TestPorts checks which port of a service is used, and what is said where it has none.
func TestPorts(t *testing.T) {
	s := start(t)
	none := books("none", "10.0.0.1")
	none.Service, none.Ports = "none", nil
	s.Put(none)
	two := books("two", "10.0.0.2")
	two.Service = "two"
	two.Ports = []apiservertest.Port{{Name: "http", Port: 8080}, {Name: "", Port: 9000}}
	s.Put(two)
	unready := slice("unready", "IPv4", pod("a", "10.0.0.1", starting), pod("b", "10.0.0.2", dying))
	unready.Service = "unready"
	s.Put(unready)
	empty := books("empty")
	empty.Service = "empty"
	s.Put(empty)
	for target, want := range map[string]string{
		"none:9000": "10.0.0.1:9000", "two:http": "10.0.0.2:8080", "two:9000": "10.0.0.2:9000",
	} {
		resolve(t, "endpointslice:///shop/"+target, options(s)...).want(want)
	}
	for target, want := range map[string]string{
		"none:grpc":    "service shop/none has no endpoints: it has no port grpc, but no ports at all",
		"two:grpc":     "service shop/two has no endpoints: it has no port grpc, but http (8080), 9000",
		"two:80":       "service shop/two has no endpoints: it has no port 80, but http (8080), 9000",
		"unready:grpc": "service shop/unready has no endpoints: none of its 2 endpoints is ready",
		"empty:grpc":   "service shop/empty has no endpoints: it has no pods",
		"missing:grpc": "service shop/missing has no endpoints: it has no EndpointSlice; check its name",
	} {
		resolve(t, "endpointslice:///shop/"+target, options(s)...).wantError(want)
	}
}
