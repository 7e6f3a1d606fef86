package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// pairs reads a mapping, of which each key is one of names, and there once.
func (d *decoder) pairs(node *yaml.Node, field string, names []string, read func(name string, place diag.Position, value *yaml.Node)) {
	if !d.isKind(node, yaml.MappingNode, field, "a mapping with one or more of "+strings.Join(names, ", ")) {
		return
	}
	seen := make(map[string]diag.Position)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, place := node.Content[i], d.placeOf(node.Content[i])
		switch first, again := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode || !slices.Contains(names, key.Value):
			d.report(place, "%sthere is no field %s; want one of %s", prefix(field), spell(key), strings.Join(names, ", "))
		case again:
			d.report(place, "%s%s is set twice (first at %s); remove one of them", prefix(field), key.Value, first)
		default:
			seen[key.Value] = place
			read(key.Value, place, node.Content[i+1])
		}
	}
}

// sequence reads a list by a function for its elements.
func (d *decoder) sequence(node *yaml.Node, field string, read func(element *yaml.Node, field string)) {
	if !d.isKind(node, yaml.SequenceNode, field, "a list") {
		return
	}
	if len(node.Content) == 0 {
		d.report(d.placeOf(node), "%s: the list is empty; add an element, or remove %s", field, field)
	}
	for i, element := range node.Content {
		read(element, fmt.Sprintf("%s[%d]", field, i))
	}
}

// isKind checks the kind of a node. Aliases have none that is wanted: what a rule says stands where the rule is.
func (d *decoder) isKind(node *yaml.Node, kind yaml.Kind, field, want string) bool {
	switch {
	case node.Kind == kind && (kind != yaml.ScalarNode || node.ShortTag() != "!!null"):
		return true
	case node.Kind == yaml.AliasNode:
		d.report(d.placeOf(node), "%saliases are not supported; write out the value of %q", prefix(field), "*"+node.Value)
	default:
		d.report(d.placeOf(node), "%sit is %s; want %s", prefix(field), spell(node), want)
	}
	return false
}
