package samezone

import (
	"sync/atomic"

	"google.golang.org/grpc/balancer"
)

// shares are the parts of the calls that go to the caller's zone and to others. Their sum is the
// number of calls after which the parts are exact.
type shares struct{ local, other uint64 }

// Servers of a zone are expected to bear 7/5 of their usual load: 1.4, the default of Envoy's
// overprovisioning factor.
const factorNumerator, factorDenominator = 7, 5

// sharesOf returns the shares of two groups. The caller's zone gets as much as its ready servers
// bear; the other zones get the rest, or as much as theirs bear. If that is less than all, both
// get more in proportion.
func sharesOf(local, other *group) shares {
	if local == nil || other == nil {
		return shares{}
	}
	return divideCalls(local.ready, local.used, other.ready, other.used)
}

func divideCalls(readyLocal, allLocal, readyOther, allOther int) shares {
	bearsLocal, ofLocal := bears(readyLocal, allLocal)
	bearsOther, ofOther := bears(readyOther, allOther)
	s := shares{
		local: bearsLocal * ofOther,
		other: min((ofLocal-bearsLocal)*ofOther, bearsOther*ofLocal),
	}
	if d := gcd(s.local, s.other); d > 1 {
		s.local, s.other = s.local/d, s.other/d
	}
	return s
}

// bears returns the part of all calls that servers bear as a fraction of at most 1. A policy
// whose connections are unknown bears all.
func bears(ready, all int) (numerator, denominator uint64) {
	if all == 0 {
		return 1, 1
	}
	denominator = uint64(factorDenominator * all)
	return min(uint64(factorNumerator*ready), denominator), denominator
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// newPicker returns the picker of two groups that are both ready.
func newPicker(local, other balancer.Picker, s shares, turn *atomic.Uint64) balancer.Picker {
	switch {
	case s.other == 0:
		return &onePicker{local}
	case s.local == 0:
		return &onePicker{other}
	}
	return &twoPicker{local: local, other: other, share: s.local, of: s.local + s.other, turn: turn}
}

// onePicker is the picker of one group.
type onePicker struct{ child balancer.Picker }

func (p *onePicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	return pick(p.child, info)
}

// twoPicker divides calls between the groups in a fixed rotation, so that shares are exact and
// picks need neither a lock nor a random number.
type twoPicker struct {
	local, other balancer.Picker
	share, of    uint64 // the caller's zone gets share of every of calls
	turn         *atomic.Uint64
}

func (p *twoPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	// The product takes each residue equally often, and those below share spread evenly.
	if p.turn.Add(1)%p.of*p.share%p.of < p.share {
		return pick(p.local, info)
	}
	return pick(p.other, info)
}

// pick picks a connection of the child and returns the one that grpc knows.
func pick(child balancer.Picker, info balancer.PickInfo) (balancer.PickResult, error) {
	r, err := child.Pick(info)
	if c, ok := r.SubConn.(*subConn); ok {
		r.SubConn = c.SubConn
	}
	return r, err
}
