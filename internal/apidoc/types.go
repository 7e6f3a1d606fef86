package apidoc

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
)

// uses counts how often the calls and the fields of a reference use each message.
type uses struct{ asPayload, asField map[protoreflect.FullName]int }

func (b *builder) usesOf(calls []call) uses {
	u := uses{make(map[protoreflect.FullName]int), make(map[protoreflect.FullName]int)}
	for _, c := range calls {
		u.asPayload[c.desc.Input.Desc.FullName()]++
		u.asPayload[c.desc.Output.Desc.FullName()]++
		for _, name := range operationTypes(c) {
			u.asField[name]++
		}
	}
	for _, m := range b.reachable(calls) {
		for i := range m.Fields().Len() {
			if held := valueOf(m.Fields().Get(i)).Message(); held != nil {
				u.asField[held.FullName()]++
			}
		}
	}
	return u
}

// isShownWithRPC reports whether a single RPC uses the message, and nothing else.
func (u uses) isShownWithRPC(name protoreflect.FullName) bool {
	return u.asPayload[name] == 1 && u.asField[name] == 0 && !isWellKnown(name)
}

// operationTypes returns the messages of the result and the progress of the operation that a call
// starts.
func operationTypes(c call) (names []protoreflect.FullName) {
	fields := fieldsOf(c, "operation")
	for _, key := range []string{"response_type", "metadata_type"} {
		if name, ok := fields[key].(string); ok {
			names = append(names, protoreflect.FullName(name))
		}
	}
	return names
}

// fieldsOf returns the fields that a pattern found in a call, or nil.
func fieldsOf(c call, pattern string) map[string]any {
	for _, p := range c.Policy.Patterns {
		if p.Name == pattern && p.Emitted {
			return p.Fields
		}
	}
	return nil
}

// valueOf returns the field itself or, of a map, that of its values.
func valueOf(field protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if field.IsMap() {
		return field.MapValue()
	}
	return field
}

// reachable returns the messages that the calls use, except well-known ones, each once.
func (b *builder) reachable(calls []call) (all []protoreflect.MessageDescriptor) {
	seen := make(map[protoreflect.FullName]bool)
	add := func(name protoreflect.FullName) {
		if m := b.messages[name]; m != nil && !seen[name] && !isWellKnown(name) {
			seen[name] = true
			all = append(all, m.Desc)
		}
	}
	for _, c := range calls {
		add(c.desc.Input.Desc.FullName())
		add(c.desc.Output.Desc.FullName())
		for _, name := range operationTypes(c) {
			add(name)
		}
	}
	for i := 0; i < len(all); i++ {
		for j := range all[i].Fields().Len() {
			if held := valueOf(all[i].Fields().Get(j)).Message(); held != nil {
				add(held.FullName())
			}
		}
	}
	return all
}

// types returns the messages and enums that the calls use and that no RPC shows, ordered by name.
func (b *builder) types(calls []call) (messages []Message, enums []Enum) {
	seen := make(map[protoreflect.FullName]bool)
	for _, desc := range b.reachable(calls) {
		if !b.uses.isShownWithRPC(desc.FullName()) {
			messages = append(messages, b.message(b.messages[desc.FullName()]))
		}
		for i := range desc.Fields().Len() {
			e := valueOf(desc.Fields().Get(i)).Enum()
			if e != nil && !seen[e.FullName()] && !isWellKnown(e.FullName()) && b.enums[e.FullName()] != nil {
				seen[e.FullName()] = true
				enums = append(enums, b.enum(b.enums[e.FullName()]))
			}
		}
	}
	slices.SortFunc(messages, func(x, y Message) int { return strings.Compare(x.FullName, y.FullName) })
	slices.SortFunc(enums, func(x, y Enum) int { return strings.Compare(x.FullName, y.FullName) })
	return messages, enums
}

// nameOf returns a name relative to the package of the reference, if it is in it.
func (b *builder) nameOf(name protoreflect.FullName) string {
	if short, ok := strings.CutPrefix(string(name), string(b.pkg)+"."); ok && b.pkg != "" {
		if b.files != nil && b.isInPackage(name) {
			return short
		}
	}
	return string(name)
}

func (b *builder) isInPackage(name protoreflect.FullName) bool {
	if m := b.messages[name]; m != nil {
		return m.Desc.ParentFile().Package() == b.pkg
	}
	if e := b.enums[name]; e != nil {
		return e.Desc.ParentFile().Package() == b.pkg
	}
	return false
}

func (b *builder) messageType(m protoreflect.MessageDescriptor) Type {
	if url := urlOf(m.FullName()); url != "" {
		return Type{Name: string(m.FullName()), URL: url}
	}
	return Type{Name: b.nameOf(m.FullName()), Ref: string(m.FullName())}
}

func (b *builder) fieldType(f protoreflect.FieldDescriptor) Type {
	value := valueOf(f)
	t := Type{Name: value.Kind().String()}
	switch {
	case value.Message() != nil:
		t = b.messageType(value.Message())
	case value.Enum() != nil && isWellKnown(value.Enum().FullName()):
		t = Type{Name: string(value.Enum().FullName()), URL: urlOf(value.Enum().FullName())}
	case value.Enum() != nil:
		t = Type{Name: b.nameOf(value.Enum().FullName()), Ref: string(value.Enum().FullName())}
	}
	switch {
	case f.IsMap():
		t.Key = f.MapKey().Kind().String()
	case f.IsList():
		t.Label = "repeated"
	case f.Cardinality() == protoreflect.Required:
		t.Label = "required"
	case f.HasPresence() && f.Message() == nil && f.ContainingOneof() == nil || f.HasOptionalKeyword() && f.Message() == nil:
		t.Label = "optional"
	}
	return t
}

func (b *builder) message(m *protogen.Message) Message {
	message := Message{
		Name: b.nameOf(m.Desc.FullName()), FullName: string(m.Desc.FullName()), Doc: docOf(m.Comments),
		Deprecated: isDeprecated(m.Desc), Rules: b.rules.ofMessage(m.Desc),
	}
	for _, f := range m.Fields {
		field := Field{
			Name: string(f.Desc.Name()), Number: int(f.Desc.Number()), Type: b.fieldType(f.Desc),
			Doc: docOf(f.Comments), Deprecated: isDeprecated(f.Desc), Notes: b.notes(f.Desc),
		}
		if o := f.Desc.ContainingOneof(); o != nil && !o.IsSynthetic() {
			field.Oneof = string(o.Name())
		}
		message.Fields = append(message.Fields, field)
	}
	return message
}

func (b *builder) enum(e *protogen.Enum) Enum {
	enum := Enum{
		Name: b.nameOf(e.Desc.FullName()), FullName: string(e.Desc.FullName()), Doc: docOf(e.Comments),
		Deprecated: isDeprecated(e.Desc),
	}
	for _, v := range e.Values {
		enum.Values = append(enum.Values, Value{
			Name: string(v.Desc.Name()), Number: int(v.Desc.Number()), Doc: docOf(v.Comments),
			Deprecated: isDeprecated(v.Desc),
		})
	}
	return enum
}

func isDeprecated(desc protoreflect.Descriptor) bool {
	options, ok := desc.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}

// notes returns the behavior, the default and the rules of a field.
func (b *builder) notes(f protoreflect.FieldDescriptor) (notes []markup.Text) {
	notes = append(notes, behaviors(f)...)
	if f.HasDefault() {
		notes = append(notes, markup.Say("The default is ", markup.Code(defaultOf(f)), "."))
	}
	if note, ok := jsonForms[fullNameOf(valueOf(f).Message())]; ok {
		notes = append(notes, markup.Say(note[0], markup.Code(note[1]), "."))
	}
	return append(notes, b.rules.ofField(f)...)
}

func fullNameOf(m protoreflect.MessageDescriptor) protoreflect.FullName {
	if m == nil {
		return ""
	}
	return m.FullName()
}

// jsonForms is how JSON writes well-known messages whose form is not that of their fields.
var jsonForms = map[protoreflect.FullName][2]string{
	"google.protobuf.Timestamp": {"In JSON: ", `"2026-01-02T15:04:05Z"`},
	"google.protobuf.Duration":  {"In JSON: ", `"1.5s"`},
	"google.protobuf.FieldMask": {"In JSON: ", `"name,displayName"`},
}
