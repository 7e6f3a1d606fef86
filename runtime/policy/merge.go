package policy

import (
	"slices"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Method is what a policy depends on in addition to the options.
type Method struct {
	// ClientStreams and ServerStreams are the stream keywords of the RPC.
	ClientStreams, ServerStreams bool
	// Idempotency is its idempotency_level.
	Idempotency Idempotency
	// HasRules means that the request message, or one in it, has validation rules.
	HasRules bool
	// Patterns are those that its messages or its options show.
	Patterns Patterns

	trusted bool // whether the policy gives its word that calls may be repeated
}

// repeatable reports whether a client may repeat a call, by the idempotency level or because the
// policy states it.
func (m Method) repeatable() bool { return m.Idempotency != IdempotencyUnknown || m.trusted }

// Layer is the options from one source: the service's, the method's, or a rule of a policy file.
type Layer struct {
	Policy *grpcservicev1.Policy
	// Wide means that the source is for many methods: options that do not fit this one are
	// dropped instead of being a fault.
	Wide bool
}

// Of returns the policy of a method: own overrides defaults, as far as they fit the method. The
// faults are those of either and of both together; if there are faults, the policy is zero.
func Of(m Method, defaults, own *grpcservicev1.Policy) (Policy, []Fault) {
	merged, together := Merge(m, []Layer{{Policy: defaults, Wide: true}, {Policy: own}})
	if found := append(CheckWide(defaults), together...); len(found) > 0 {
		return Policy{}, found
	}
	return m.Policy(merged), nil
}

// Merge merges layers for a method; each one overrides those before it. The faults are those of
// layers that are not wide, and of all together. [CheckWide] finds those of a wide layer alone,
// so that they can be reported once for all methods. The policy is empty if any layer is wrong:
// do not use it before the wide layers are checked.
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

// LastToSet returns the index of the last layer that sets an option such as "timeout.default", of
// the layers whose option fits the method; -1 if none does.
func (m Method) LastToSet(layers []Layer, option string) int {
	m.trusted = trusted(layers)
	for i, layer := range slices.Backward(layers) {
		if Sets(layer.Policy, option) && Sets(m.fitting(layer), option) {
			return i
		}
	}
	return -1
}

// checkEach returns the faults of each layer that is not wide, and reports whether all layers are
// valid.
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

// trusted reports whether the merged layers state that calls may be repeated.
func trusted(layers []Layer) (word bool) {
	for _, layer := range layers {
		if r := layer.Policy.GetRetry(); r != nil && r.Idempotent != nil {
			word = r.GetIdempotent()
		}
	}
	return word
}

// wantsRetry and wantsHedging report whether options enable them: attempts set to 0 disable them.
func wantsRetry(p *grpcservicev1.Policy) bool {
	return p.GetRetry() != nil && !isZero(p.GetRetry().MaxAttempts)
}

func wantsHedging(p *grpcservicev1.Policy) bool {
	return p.GetHedging() != nil && !isZero(p.GetHedging().MaxAttempts)
}

// isZero reports whether a field is set to zero.
func isZero(field *int32) bool { return field != nil && *field == 0 }
