package policy

import (
	"fmt"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Check returns all mistakes in a policy that do not depend on the method.
func Check(p *grpcservicev1.Policy) []Fault {
	var f faults
	f.unknown("", p)
	for _, r := range rules {
		checkOptions(&f, r.options, r.message(p), r.path)
		if r.check != nil {
			r.check(&f, p)
		}
		if r.isPattern && r.spoken(p) {
			f.off(r, p)
		}
	}
	return f
}

// CheckWide returns all mistakes in a policy for many methods: those of [Check], and fields that
// only a single method can set.
func CheckWide(p *grpcservicev1.Policy) []Fault {
	f := faults(Check(p))
	for _, path := range shapeIn(p) {
		f.add(path, "it names fields of a single method; set it for that method only")
	}
	for _, r := range rules {
		if r.isOfMethod && r.spoken(p) {
			f.add(r.name, "each method opts in by itself; set it for that method only")
		}
	}
	return f
}

// shapeIn returns the paths of options for the shape of a method: "page.items".
func shapeIn(p *grpcservicev1.Policy) (paths []string) {
	for _, r := range rules {
		m := r.message(p)
		for _, o := range r.options {
			if o.shape && m.Has(fieldOf(m, o.name)) {
				paths = append(paths, r.path(o.name))
			}
		}
	}
	return paths
}

// missing finds what a method's merged policy lacks.
func (f *faults) missing(p *grpcservicev1.Policy) {
	for _, r := range rules {
		if r.missing != nil {
			r.missing(f, p)
		}
	}
}

// off finds limits of a pattern next to the option that disables it.
func (f *faults) off(r rule, p *grpcservicev1.Policy) {
	if set := fieldsSet(r.message(p)); !r.asked(p) && len(set) > 0 {
		f.add(r.path("off"), "it disables the pattern that %s configures; remove one of them",
			r.path(set[0]))
	}
}

// takenAway finds options of layers that are not wide for a pattern that an earlier layer
// disables. If a later layer disables it, that is no mistake: the later one takes precedence.
func takenAway(layers []Layer) (f []Fault) {
	for _, r := range rules.patterns() {
		off := false
		for i, layer := range layers {
			if !r.spoken(layer.Policy) {
				continue
			}
			m := r.message(layer.Policy)
			if fd := fieldOf(m, "off"); m.Has(fd) {
				off = m.Get(fd).Bool()
				continue
			}
			if set := fieldsSet(m); off && !layer.Wide && len(set) > 0 {
				f = append(f, Fault{Layer: i, Field: r.path(set[0]),
					Text: fmt.Sprintf("the service, or a rule for several methods, disables the pattern; "+
						"set %s.off to false beside it", r.name)})
			}
		}
	}
	return f
}
