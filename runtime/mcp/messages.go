package mcp

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// builder builds the schema of a message. A message that occurs in several places, or in itself, is
// a definition; all others are where they occur.
type builder struct {
	tool    *tool
	isInput bool
	level   int // how many levels of messages it has

	comments map[string]string

	places   map[protoreflect.FullName]int // how often messages occur
	levels   map[protoreflect.FullName]int // how far they are from the root
	isUpdate bool                          // whether an update mask decides what is required
	defs     properties
	defined  map[protoreflect.FullName]bool
}

// root returns the schema of the message as a whole.
func (b *builder) root(desc protoreflect.MessageDescriptor) *schema {
	if s := b.wellKnown(desc); s != nil {
		return s
	}
	b.survey(desc)
	b.defined = make(map[protoreflect.FullName]bool)
	return b.fields(desc)
}

// survey counts where messages occur, nearest first.
func (b *builder) survey(root protoreflect.MessageDescriptor) {
	b.places = map[protoreflect.FullName]int{root.FullName(): 1}
	b.levels = map[protoreflect.FullName]int{root.FullName(): 1}
	for queue := []protoreflect.MessageDescriptor{root}; len(queue) > 0; queue = queue[1:] {
		for i := range queue[0].Fields().Len() {
			of := queue[0].Fields().Get(i)
			if of.IsMap() {
				of = of.MapValue()
			}
			m := of.Message()
			if m == nil || b.wellKnown(m) != nil {
				b.isUpdate = b.isUpdate || m != nil && m.FullName() == "google.protobuf.FieldMask"
				continue
			}
			if b.places[m.FullName()]++; b.places[m.FullName()] == 1 {
				b.levels[m.FullName()] = b.levels[queue[0].FullName()] + 1
				queue = append(queue, m)
			}
		}
	}
}

// message returns the schema of a message in a field.
func (b *builder) message(desc protoreflect.MessageDescriptor) *schema {
	name := desc.FullName()
	if s := b.wellKnown(desc); s != nil {
		return s
	}
	if b.levels[name] > b.level {
		return &schema{Type: "object", Description: fmt.Sprintf("A %s, whose fields are not listed.", name)}
	}
	if b.places[name] == 1 {
		return b.fields(desc)
	}
	if !b.defined[name] {
		b.defined[name] = true
		i := len(b.defs)
		b.defs = append(b.defs, property{name: string(name)})
		b.defs[i].schema = b.fields(desc)
	}
	return &schema{Ref: "#/$defs/" + string(name)}
}

// fields returns the schema of an object with the fields of a message.
func (b *builder) fields(desc protoreflect.MessageDescriptor) *schema {
	s := &schema{Type: "object", Properties: properties{}}
	if b.isInput {
		s.AdditionalProperties = false
	}
	for i := range desc.Fields().Len() {
		field := desc.Fields().Get(i)
		behaviors := policy.BehaviorsOf(field)
		if b.isInput && behaviors.Has(policy.BehaviorOutputOnly) || !b.isInput && behaviors.Has(inputOnly) {
			continue
		}
		s.Properties = append(s.Properties, property{string(field.Name()), b.field(field)})
		if b.isRequired(desc, field) {
			s.Required = append(s.Required, string(field.Name()))
		}
	}
	return s
}

// inputOnly is the behavior of fields that responses do not have (AIP-203).
const inputOnly policy.Behaviors = 1 << 4

// isRequired reports whether a request must set a field. What a resource requires depends on what
// the request does to it, so the schema leaves that to the server if it is an update.
func (b *builder) isRequired(in protoreflect.MessageDescriptor, field protoreflect.FieldDescriptor) bool {
	if field.Cardinality() == protoreflect.Required {
		return true
	}
	if !b.isInput || !b.tool.info.Policy.Validate || field.ContainingOneof() != nil && !field.ContainingOneof().IsSynthetic() {
		return false
	}
	isNested := b.levels[in.FullName()] > 1
	switch {
	case string(field.Name()) == b.tool.info.Policy.IdempotencyKey.Field && !isNested:
		return false // the package fills it in
	case isNested && (b.isUpdate || field == policy.NameFieldOf(in) || strings.HasSuffix(string(in.Name()), "Request")):
		return false
	case isNested && policy.BehaviorsOf(field).Has(policy.BehaviorIdentifier):
		return false
	}
	return policy.IsRequired(field) || rulesOf(field).required
}

// field returns the schema of a field with its description.
func (b *builder) field(field protoreflect.FieldDescriptor) *schema {
	var s *schema
	switch {
	case field.IsMap():
		s = &schema{Type: "object", AdditionalProperties: b.value(field.MapValue()), PropertyNames: keysOf(field.MapKey())}
	case field.IsList():
		s = &schema{Type: "array", Items: b.value(field)}
	default:
		s = b.value(field)
	}
	if b.isInput && b.tool.info.Policy.Validate {
		rulesOf(field).addTo(s, field)
	}
	if text := b.describe(field, s.Description); text != "" {
		s.Description = text
	}
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	s.Deprecated = options.GetDeprecated()
	return s
}

// describe returns what agents read about a field: its comment, or else that of its type, and what
// the schema does not express.
func (b *builder) describe(field protoreflect.FieldDescriptor, about string) string {
	text := b.comments[string(field.FullName())]
	of := field
	if field.IsMap() {
		of = field.MapValue()
	}
	if m := of.Message(); text == "" && m != nil {
		text = b.comments[string(m.FullName())]
	}
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() && b.isInput {
		text = sentences(text, oneofText(oneof))
	}
	return sentences(text, about)
}

// oneofText states that the fields of a oneof exclude each other.
func oneofText(oneof protoreflect.OneofDescriptor) string {
	const most = 20
	var names []string
	for i := range min(oneof.Fields().Len(), most) {
		names = append(names, string(oneof.Fields().Get(i).Name()))
	}
	return "Set at most one of " + strings.Join(names, ", ") + "."
}

// requiredText states which fields are required, if the schema cannot.
func requiredText(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "Required: " + strings.Join(names, ", ") + "."
}

// sentences joins texts.
func sentences(texts ...string) string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, " ")
}

// value returns the schema of a field's value, or of an element of it.
func (b *builder) value(field protoreflect.FieldDescriptor) *schema {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return b.message(field.Message())
	case protoreflect.EnumKind:
		return b.enum(field.Enum())
	default:
		return b.scalar(field.Kind())
	}
}

// The patterns of numbers in strings.
const (
	signedPattern   = "^-?[0-9]+$"
	unsignedPattern = "^[0-9]+$"
)

// scalar returns the schema of a scalar. Integers of 64 bits are strings, because numbers of JSON
// are less precise.
func (b *builder) scalar(kind protoreflect.Kind) *schema {
	switch kind {
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return &schema{Type: "integer", Minimum: json.RawMessage("-2147483648"), Maximum: json.RawMessage("2147483647")}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return &schema{Type: "integer", Minimum: json.RawMessage("0"), Maximum: json.RawMessage("4294967295")}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return &schema{Type: "string", Format: "int64", Pattern: signedPattern}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Type: "string", Format: "uint64", Pattern: unsignedPattern}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		if b.isInput {
			return &schema{Type: "number"}
		}
		return &schema{Type: []string{"number", "string"}} // "NaN", "Infinity"
	case protoreflect.BytesKind:
		return &schema{Type: "string", ContentEncoding: "base64"}
	default:
		return &schema{Type: "string"}
	}
}

// enum returns the schema of an enum: the names of its values. In a result, an unknown value is a
// number.
func (b *builder) enum(desc protoreflect.EnumDescriptor) *schema {
	const mostValues, mostText = 200, 1024
	if desc.FullName() == "google.protobuf.NullValue" {
		return &schema{Type: "null"}
	}
	s := &schema{Type: "string"}
	text := b.comments[string(desc.FullName())]
	for i := range desc.Values().Len() {
		value := desc.Values().Get(i)
		if s.Enum = append(s.Enum, string(value.Name())); len(s.Enum) > mostValues {
			return &schema{Type: "string", Description: fmt.Sprintf("The name of a value of %s.", desc.FullName())}
		}
		comment := b.comments[string(value.FullName())]
		if line := string(value.Name()) + ": " + comment; comment != "" && len(text)+len(line) < mostText {
			text = sentences(text, line)
		}
	}
	if !b.isInput {
		return &schema{AnyOf: []*schema{s, {Type: "integer"}}, Description: text}
	}
	s.Description = text
	return s
}

// keysOf returns the schema of the keys of a map, which are strings in JSON; nil if any string is
// one.
func keysOf(key protoreflect.FieldDescriptor) *schema {
	switch key.Kind() {
	case protoreflect.StringKind:
		return nil
	case protoreflect.BoolKind:
		return &schema{Enum: []string{"true", "false"}}
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return &schema{Pattern: unsignedPattern}
	default:
		return &schema{Pattern: signedPattern}
	}
}

// wellKnown returns the schema of a message of google.protobuf with a form of its own in JSON; nil
// for others.
func (b *builder) wellKnown(desc protoreflect.MessageDescriptor) *schema {
	if desc.FullName().Parent() != "google.protobuf" {
		return nil
	}
	switch desc.Name() {
	case "Timestamp":
		return &schema{Type: "string", Format: "date-time"}
	case "Duration":
		return &schema{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]{1,9})?s$`, Description: `Seconds, as in "1.5s".`}
	case "FieldMask":
		return &schema{Type: "string", Description: `Paths of fields, separated by commas, as in "title,author.name".`}
	case "Struct":
		return &schema{Type: "object"}
	case "Value":
		return &schema{}
	case "ListValue":
		return &schema{Type: "array", Items: &schema{}}
	case "Any":
		return &schema{Type: "object", Required: []string{"@type"}, Properties: properties{
			{"@type", &schema{Type: "string", Description: `The type of the message, as in "type.googleapis.com/google.protobuf.Duration"; its fields follow.`}},
		}}
	case "BoolValue", "StringValue", "BytesValue", "FloatValue", "DoubleValue", "Int32Value", "UInt32Value", "Int64Value", "UInt64Value":
		return b.scalar(desc.Fields().ByName("value").Kind())
	default:
		return nil
	}
}
