package policy

import (
	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// ruleFields are the fields of a rule.
var ruleFields = []string{"methods", "policy"}

// readRule reads a rule and adds it to the file, unless the rule has problems.
func (f *File) readRule(d *decoder, node *yaml.Node, field string) {
	r := rule{policy: &grpcservicev1.Policy{}, fields: make(map[string]diag.Position), places: make(map[selector]diag.Position)}
	before, found := len(f.problems), make(map[string]bool)
	d.pairs(node, field, ruleFields, func(name string, _ diag.Position, value *yaml.Node) {
		found[name] = true
		switch name {
		case "methods":
			d.sequence(value, field+".methods", func(element *yaml.Node, field string) { r.readPattern(d, element, field) })
		case "policy":
			d.fields = r.fields
			d.message(value, r.policy.ProtoReflect(), "")
		}
	})
	for _, name := range ruleFields {
		if node.Kind == yaml.MappingNode && !found[name] {
			f.problems.Errorf(d.placeOf(node), "%s: it has no %s; a rule needs methods and policy", field, name)
		}
	}
	if len(f.problems) == before {
		for _, p := range r.patterns {
			f.add(p, r)
		}
	}
}

func (r *rule) readPattern(d *decoder, node *yaml.Node, field string) {
	if !d.isKind(node, yaml.ScalarNode, field, "the name of a method, or a pattern") {
		return
	}
	p, err := parseSelector(node.Value)
	if err != nil {
		d.report(d.placeOf(node), "%s: %v", field, err)
		return
	}
	if first, again := r.places[p]; again {
		d.report(d.placeOf(node), "%s: the rule names %s twice (first at %s); remove one of them", field, p.text, first)
		return
	}
	r.patterns = append(r.patterns, p)
	r.places[p] = d.placeOf(node)
}
