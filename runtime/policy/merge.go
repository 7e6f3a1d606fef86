package policy

import (
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Method is what a policy depends on beside the options.
type Method struct {
	// ClientStreams and ServerStreams are the stream keywords of the RPC.
	ClientStreams, ServerStreams bool
	// Idempotency is its idempotency_level.
	Idempotency Idempotency
	// HasRules says that the request's message, or one in it, has rules to be checked.
	HasRules bool
	// Patterns are those that its messages, or its options, show.
	Patterns Patterns

	trusted bool // whether the policy gives its word that calls may be repeated
}

func (m Method) unary() bool { return !m.ClientStreams && !m.ServerStreams }

// others names the methods that are not of this kind.
func (m Method) others() string {
	if m.unary() {
		return "streams"
	}
	return "methods without a stream"
}

// repeatable says whether a client may make a call twice, by the idempotency level or by the word of the policy.
func (m Method) repeatable() bool { return m.Idempotency != IdempotencyUnknown || m.trusted }

// Layer is what one place says of a method: its service's options, its own, or a rule of a policy file.
type Layer struct {
	Policy *grpcservicev1.Policy
	// Wide says that the place speaks of many methods: what does not fit this one is left out, where it would otherwise be
	// a fault.
	Wide bool
}

// Of returns the policy of a method: what own says, and where it says nothing what defaults says, as far as that fits the
// method. The faults are those of either, and of what the two say together; with faults the policy is empty.
func Of(m Method, defaults, own *grpcservicev1.Policy) (Policy, []Fault) {
	merged, together := Merge(m, []Layer{{Policy: defaults, Wide: true}, {Policy: own}})
	if found := append(CheckWide(defaults), together...); len(found) > 0 {
		return Policy{}, found
	}
	return m.Policy(merged), nil
}

// Merge returns what layers say of a method together; each goes before those that it follows. The faults are those of the
// layers that are not wide, and of what all say together; those of a wide layer alone are found by [CheckWide], so that they can
// be told once for all methods. The policy is empty where any layer is wrong: do not trust it before the wide layers are checked.
func Merge(m Method, layers []Layer) (*grpcservicev1.Policy, []Fault) {
	m.trusted = trusted(layers)
	if found, sound := m.checkEach(layers); !sound {
		return &grpcservicev1.Policy{}, found
	}
	merged := &grpcservicev1.Policy{}
	for _, layer := range layers {
		lay(merged, m.fitting(layer))
	}
	together := faults(Check(merged))
	together.missing(merged)
	for i := range together {
		together[i].Layer = lastToSet(layers, together[i].Field)
	}
	if together = append(together, takenAway(layers)...); len(together) > 0 {
		return &grpcservicev1.Policy{}, together
	}
	return merged, nil
}

// checkEach returns the faults of each layer that is not wide, and whether all layers are sound.
func (m Method) checkEach(layers []Layer) (found []Fault, sound bool) {
	sound = true
	for i, layer := range layers {
		check := Check
		if layer.Wide {
			check = CheckWide
		}
		faults := append(check(layer.Policy), m.misfits(layer)...)
		sound = sound && len(faults) == 0
		for _, fault := range faults {
			if !layer.Wide {
				fault.Layer = i
				found = append(found, fault)
			}
		}
	}
	return found, sound
}

// trusted says whether the layers, all in all, give their word that calls may be repeated.
func trusted(layers []Layer) (word bool) {
	for _, layer := range layers {
		if r := layer.Policy.GetRetry(); r != nil && r.Idempotent != nil {
			word = r.GetIdempotent()
		}
	}
	return word
}

// wantsRetry and wantsHedging report whether options ask for it: attempts set to 0 take it away.
func wantsRetry(p *grpcservicev1.Policy) bool {
	return p.GetRetry() != nil && !isZero(p.GetRetry().MaxAttempts)
}

func wantsHedging(p *grpcservicev1.Policy) bool {
	return p.GetHedging() != nil && !isZero(p.GetHedging().MaxAttempts)
}

// isZero reports whether a field is set to zero.
func isZero(field *int32) bool { return field != nil && *field == 0 }
