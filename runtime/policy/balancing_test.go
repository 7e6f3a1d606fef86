package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// TestMergeService checks that layers override each other field by field, and that a zero is a
// value.
func TestMergeService(t *testing.T) {
	for _, test := range []struct {
		layers []string
		want   Balancing
	}{
		{nil, Balancing{}},
		{[]string{`timeout {default: "1s"}`}, Balancing{}},
		{[]string{`balancing {}`}, Balancing{}},
		{[]string{`balancing {policy: POLICY_UNSPECIFIED}`}, Balancing{}},
		{[]string{`balancing {policy: POLICY_ROUND_ROBIN}`}, Balancing{Policy: RoundRobin}},
		{[]string{`balancing {policy: POLICY_PICK_FIRST connections: 2}`, `balancing {same_zone: true}`},
			Balancing{PickFirst, 2, true}},
		{[]string{`balancing {policy: POLICY_PICK_FIRST connections: 2 same_zone: true}`,
			`balancing {policy: POLICY_LEAST_REQUEST same_zone: false} auth {public: true}`},
			Balancing{LeastRequest, 2, false}},
	} {
		var layers []Layer
		for _, text := range test.layers {
			layers = append(layers, Layer{Policy: parse(t, text), Wide: true})
		}
		merged := MergeService(layers)
		if got := BalancingOf(merged); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.layers, got, test.want)
		}
		if merged.GetTimeout() != nil || merged.GetAuth() != nil {
			t.Errorf("%q: the options of methods are among those of the service: %v", test.layers, merged)
		}
	}
}

// TestBalancingIsNotOfMethods checks that a method does not inherit balancing, and cannot have it.
func TestBalancingIsNotOfMethods(t *testing.T) {
	service := parse(t, `balancing {policy: POLICY_LEAST_REQUEST} timeout {default: "1s"}`)
	merged, faults := Merge(reads, []Layer{{Policy: service, Wide: true}})
	if len(faults) > 0 || merged.GetBalancing() != nil || merged.GetTimeout() == nil {
		t.Errorf("%v %v", merged, faults)
	}
	const want = "balancing: it is for services, because a connection carries the calls of all " +
		"methods; " +
		"set it in the service's options, or for all its methods in the plugin's policy file"
	for _, text := range []string{`balancing {}`, `balancing {connections: 2}`} {
		_, faults = Merge(reads, []Layer{{Policy: service, Wide: true}, {Policy: parse(t, text)}})
		if len(faults) != 1 || faults[0].Error() != want || faults[0].Layer != 1 {
			t.Errorf("%s: %v", text, faults)
		}
	}
}

// TestBalancingIsNotOfServers checks that the configuration of a server cannot have balancing:
// nothing would apply it.
func TestBalancingIsNotOfServers(t *testing.T) {
	over := Layer{Policy: parse(t, `balancing {policy: POLICY_PICK_FIRST}`), Wide: true}
	_, faults := Override(Policy{}, reads, over)
	const want = "balancing: clients apply it, from the generated code; " +
		"set it in the proto, or in the plugin's policy file"
	if len(faults) != 1 || faults[0].Error() != want {
		t.Errorf("for a service: %v", faults)
	}
	over.Wide = false
	if _, faults = Override(Policy{}, reads, over); len(faults) != 1 {
		t.Errorf("for a method: %v", faults)
	}
}

func TestBalancingBounds(t *testing.T) {
	for text, want := range map[string]string{
		`balancing {connections: 1}`:  "",
		`balancing {connections: 64}`: "",
		`balancing {connections: 0}`:  "balancing.connections: 0 is out of range; want 1 to 64",
		`balancing {connections: 65}`: "balancing.connections: 65 is out of range; want 1 to 64",
		`balancing {connections: -1}`: "balancing.connections: -1 is out of range; want 1 to 64",
	} {
		var got string
		for _, fault := range CheckWide(parse(t, text)) {
			got += fault.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	unknown := &grpcservicev1.Policy{Balancing: &grpcservicev1.Balancing{Policy: 9}}
	if faults := CheckWide(unknown); len(faults) != 1 ||
		faults[0].Error() != "balancing.policy: 9 is not a value of grpcservice.v1.Balancing.Policy" {
		t.Errorf("%v", faults)
	}
}

// TestJoin checks that services on a connection agree where one of them states nothing.
func TestJoin(t *testing.T) {
	const first = "the services of a connection have one balancing."
	for name, test := range map[string]struct {
		services []Balancing
		want     Balancing
		errs     []string
	}{
		"none":       {},
		"one":        {[]Balancing{{LeastRequest, 4, true}}, Balancing{LeastRequest, 4, true}, nil},
		"one of two": {[]Balancing{{}, {PickFirst, 0, true}}, Balancing{PickFirst, 0, true}, nil},
		"each a part": {[]Balancing{{Connections: 3}, {Policy: LeastRequest}},
			Balancing{LeastRequest, 3, false}, nil},
		"the same": {[]Balancing{{LeastRequest, 3, true}, {LeastRequest, 3, false}},
			Balancing{LeastRequest, 3, true}, nil},
		"a policy": {[]Balancing{{}, {Policy: RoundRobin}, {Policy: LeastRequest}},
			Balancing{Policy: RoundRobin},
			[]string{first + "policy, but B has POLICY_ROUND_ROBIN and C has POLICY_LEAST_REQUEST"}},
		"connections": {[]Balancing{{Connections: 1}, {}, {Connections: 2}},
			Balancing{Connections: 1},
			[]string{first + "connections, but A has 1 and C has 2"}},
		"both": {[]Balancing{{PickFirst, 1, false}, {RoundRobin, 2, false}},
			Balancing{PickFirst, 1, false},
			[]string{first + "policy, but A has POLICY_PICK_FIRST and B has POLICY_ROUND_ROBIN",
				first + "connections, but A has 1 and B has 2"}},
	} {
		var all Balancings
		for i, b := range test.services {
			all = append(all, ServiceBalancing{string(rune('A' + i)), b})
		}
		got, disagreements := all.Join()
		var errs []string
		for _, d := range disagreements {
			errs = append(errs, d.Error())
		}
		if diff := cmp.Diff(test.errs, errs); got != test.want || diff != "" {
			t.Errorf("%s: %+v, want %+v\n%s", name, got, test.want, diff)
		}
	}
}
