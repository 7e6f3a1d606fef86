package policy

import grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"

// Override applies a layer of a configuration to the policy of a table, by the same rules by
// which a method's options override those of its service. Fields that the layer does not set stay
// unchanged. The faults are those of the table's policy, of the layer, wide or not, and of both
// together; if there are faults, Override returns the table's policy unchanged.
func Override(p Policy, m Method, over Layer) (Policy, []Fault) {
	m.Patterns = PatternsOf(p)
	row := optionsOf(p)
	found := Check(row)
	for i := range found {
		found[i].Text += " (in the policy that is overridden)"
	}
	if over.Wide {
		for _, fault := range Check(over.Policy) {
			fault.Layer = 1
			found = append(found, fault)
		}
	}
	layers := []Layer{{Policy: row, Wide: true, isTable: true}, over}
	for _, r := range rules {
		if r.follow != nil {
			r.follow(row, over.Policy)
		}
	}
	merged, together := Merge(m, layers)
	for _, fault := range fixed(m.Patterns, over) {
		fault.Layer = 1
		found = append(found, fault)
	}
	if found = append(found, together...); len(found) > 0 {
		return p, found
	}
	m.trusted = trusted(layers)
	said := m.Fit(m.fitting(over))
	made := m.Policy(merged)
	for _, r := range rules {
		r.override(&p, &made, said)
	}
	return p, nil
}

// override copies the rule from another policy, as far as the options mention it.
func (r rule) override(to, from *Policy, said *grpcservicev1.Policy) {
	if !r.spoken(said) && (r.rival == "" || !rules.of(r.rival).asked(said)) {
		return
	}
	if r.take != nil {
		r.take(to, from)
		return
	}
	m := r.message(said)
	for _, o := range r.options {
		if o.take != nil && (!r.isApart || m.Has(fieldOf(m, o.name))) {
			o.take(to, from)
		}
	}
}

// setBefore says where to set what a configuration cannot change.
const setBefore = "set it in the proto, or in the plugin's policy file"

// fixed returns the faults of options for patterns that a configuration cannot change, because
// they are part of the generated code. A layer that is not wide also cannot have limits of a
// pattern that the method does not have.
func fixed(has Patterns, over Layer) (f faults) {
	shape := shapeIn(over.Policy)
	for _, path := range shape {
		f.add(path, "it is fixed in the generated code; "+setBefore)
	}
	for _, r := range rules {
		if r.isOfService && r.spoken(over.Policy) && over.Wide {
			f.add(r.name, "clients apply it, from the generated code; "+setBefore)
		}
		if r.isOfMethod && r.spoken(over.Policy) && !over.Wide {
			f.add(r.name, "it is fixed in the generated code; "+setBefore)
		}
	}
	for _, r := range rules.patterns() {
		switch {
		case !r.spoken(over.Policy):
		case !r.asked(over.Policy):
			f.add(r.path("off"), "the pattern is part of the generated code; "+setBefore)
		case !has.Has(r.name) && !over.Wide && len(shape) == 0:
			f.add(r.name, "the method does not have this pattern in the generated code; remove it")
		}
	}
	return f
}
