package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// decoder decodes YAML into messages. It reports every value that does not exactly match the type
// of its field.
type decoder struct {
	report func(at diag.Position, format string, args ...any)
	path   string
	fields map[string]diag.Position // where each field of the policy is set
}

func (d *decoder) placeOf(node *yaml.Node) diag.Position {
	return diag.Position{Path: d.path, Line: node.Line, Column: node.Column}
}

// message reads a mapping into m. The path of m in its policy is field.
func (d *decoder) message(node *yaml.Node, m protoreflect.Message, field string) {
	fields := m.Descriptor().Fields()
	d.pairs(node, field, fieldNames(m.Descriptor()), func(name string, place diag.Position, value *yaml.Node) {
		at := strings.TrimPrefix(field+"."+name, ".")
		d.fields[at] = place
		d.field(value, m, fields.ByName(protoreflect.Name(name)), at)
	})
}

// field reads the value of one field of m.
func (d *decoder) field(node *yaml.Node, m protoreflect.Message, fd protoreflect.FieldDescriptor, field string) {
	switch {
	case fd.IsList():
		d.list(node, m.Mutable(fd).List(), fd, field)
	case fd.Message() != nil:
		d.message(node, m.Mutable(fd).Message(), field)
	default:
		if value, ok := d.scalar(node, fd, field); ok {
			m.Set(fd, value)
		}
	}
}

func (d *decoder) list(node *yaml.Node, list protoreflect.List, fd protoreflect.FieldDescriptor, field string) {
	d.sequence(node, field, func(element *yaml.Node, at string) {
		d.fields[at] = d.placeOf(element)
		if fd.Message() != nil {
			d.message(element, list.AppendMutable().Message(), at)
		} else if value, ok := d.scalar(element, fd, at); ok {
			list.Append(value)
		}
	})
}

// scalar reads a value that is neither a list nor a message.
func (d *decoder) scalar(node *yaml.Node, fd protoreflect.FieldDescriptor, field string) (value protoreflect.Value, ok bool) {
	want := wantOf(fd)
	if !d.isKind(node, yaml.ScalarNode, field, want) {
		return value, false
	}
	value, ok = parseScalar(node.Value, node.ShortTag(), fd)
	if !ok {
		d.report(d.placeOf(node), "%s: %s is not %s", field, spell(node), want)
	}
	return value, ok
}

// parseScalar parses a scalar. It returns false if the text or the YAML tag does not match the kind
// of the field.
func parseScalar(text, tag string, fd protoreflect.FieldDescriptor) (value protoreflect.Value, ok bool) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), tag == "!!str"
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(text == "true"), tag == "!!bool"
	case protoreflect.Int32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), tag == "!!int" && err == nil
	case protoreflect.Int64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), tag == "!!int" && err == nil
	case protoreflect.DoubleKind:
		x, err := strconv.ParseFloat(text, 64)
		isNumber := tag == "!!int" || tag == "!!float"
		return protoreflect.ValueOfFloat64(x), isNumber && err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
	case protoreflect.EnumKind:
		known := fd.Enum().Values().ByName(protoreflect.Name(text))
		if known == nil || known.Number() == 0 || tag != "!!str" {
			return value, false
		}
		return protoreflect.ValueOfEnum(known.Number()), true
	default:
		return value, false
	}
}

// pairs reads a mapping and calls read for each pair. Every key must be one of names, and occur
// only once.
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

// sequence reads a list and calls read for each element.
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

// isKind reports whether a node is of a kind, and reports a problem if it is not. It rejects
// aliases, so that each rule spells out its policy.
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
