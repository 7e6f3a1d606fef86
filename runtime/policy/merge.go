package policy

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Of returns the policy of a method: own overrides defaults, as far as they fit the method. The
// faults are those of either and of both together; if there are faults, the policy is zero.
func Of(m Method, defaults, own *grpcservicev1.Policy) (Policy, []Fault) {
	merged, together := Merge(m, []Layer{{Policy: defaults, Wide: true}, {Policy: own}})
	if found := append(CheckWide(defaults), together...); len(found) > 0 {
		return Policy{}, found
	}
	return m.Policy(merged), nil
}

// Policy returns the policy for options that [Merge] returned for the method.
func (m Method) Policy(said *grpcservicev1.Policy) Policy {
	p := Policy{Idempotency: m.Idempotency}
	for _, r := range rules {
		r.build(m, said, &p)
	}
	return p
}

// optionsOf returns the options that express a policy.
func optionsOf(p Policy) *grpcservicev1.Policy {
	said := &grpcservicev1.Policy{}
	for _, r := range rules {
		r.say(&p, said)
	}
	return said
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
		if layer.Wide && !layer.isTable {
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

// fitting returns a copy of a layer's options without those that do not apply to methods of this
// kind.
func (m Method) fitting(layer Layer) *grpcservicev1.Policy {
	fit := &grpcservicev1.Policy{}
	proto.Merge(fit, layer.Policy)
	for _, r := range rules {
		r.fit(m, fit)
	}
	return fit
}

// misfits returns the options of a layer that is not wide that do not apply to methods of this
// kind.
func (m Method) misfits(layer Layer) (f faults) {
	if layer.Wide {
		return nil
	}
	for _, r := range rules {
		r.misfit(&f, m, layer.Policy)
	}
	return f
}

// lay applies a layer: field by field, except for lists and whole rules, which are replaced.
func lay(merged, over *grpcservicev1.Policy) {
	for _, r := range rules {
		if r.isWhole && r.spoken(over) {
			r.clear(merged)
		}
		if r.rival != "" && r.asked(over) {
			rules.of(r.rival).clear(merged)
		}
	}
	clearLists(merged.ProtoReflect(), over.ProtoReflect())
	proto.Merge(merged, over)
	for _, r := range rules.patterns() {
		if m := r.message(merged); r.spoken(merged) && isOff(m) {
			for _, field := range fieldsSet(m) {
				m.Clear(fieldOf(m, field))
			}
		}
	}
}

// clearLists removes the lists that over replaces.
func clearLists(m, over protoreflect.Message) {
	over.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList():
			m.Clear(fd)
		case fd.Message() != nil && m.Has(fd):
			clearLists(m.Get(fd).Message(), v.Message())
		}
		return true
	})
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
