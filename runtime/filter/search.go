package filter

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// word is a literal that stands alone, and is searched in the fields of a message.
type word struct {
	literal string
	numeric bool     // the literal may be a number
	whole   []string // the pattern of the literal, in lower case
	within  []string // the same, anywhere in a text
}

func newWord(literal *Member) *word {
	w := &word{literal: literal.Path()}
	w.numeric = w.literal != "" && strings.IndexByte("+-0123456789IN", w.literal[0]) >= 0
	for _, piece := range literal.Pattern() {
		w.whole = append(w.whole, strings.ToLower(piece))
	}
	w.within = append(append([]string{""}, w.whole...), "")
	return w
}

// has reports whether the nth word is in the message. All words are searched at once, the first time.
func (m *matching) has(n int, schema *Schema, message protoreflect.Message) bool {
	if !m.searched {
		m.searched = true
		set := schema.search
		if set == nil {
			set = schema.fields
		}
		m.search(message, scopeOf(set))
	}
	return m.found>>n&1 == 1
}

// searching reports whether there are words that have not been found.
func (m *matching) searching() bool { return m.found != 1<<len(m.words)-1 && m.err == nil }

// search looks into what is set of a message that is at a scope.
func (m *matching) search(message protoreflect.Message, at scope) {
	if opaque(message.Descriptor().FullName()) {
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if inner, _, leads := at.field(field); leads {
			m.value(field, v, inner)
		}
		return m.searching()
	})
}

// opaque reports whether a message is not searched: its fields are no text, or are known to nobody.
func opaque(name protoreflect.FullName) bool {
	return name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" || name == "google.protobuf.Any"
}

// value looks into what a field holds.
func (m *matching) value(field protoreflect.FieldDescriptor, v protoreflect.Value, at scope) {
	switch {
	case field.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			m.single(field.MapKey(), k.Value(), at)
			m.single(field.MapValue(), v, at)
			return m.searching()
		})
	case field.IsList():
		for i := 0; i < v.List().Len() && m.searching(); i++ {
			m.single(field, v.List().Get(i), at)
		}
	default:
		m.single(field, v, at)
	}
}

// single looks into a value that is no list and no map.
func (m *matching) single(field protoreflect.FieldDescriptor, v protoreflect.Value, at scope) {
	m.spend(1)
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		m.search(v.Message(), at)
	case protoreflect.StringKind:
		text := strings.ToLower(v.String())
		m.spend(len(text) * (1 + len(m.words)))
		m.find(func(w *word) bool { return matches(w.within, text) })
	case protoreflect.EnumKind:
		if value := field.Enum().Values().ByNumber(v.Enum()); value != nil {
			name := strings.ToLower(string(value.Name()))
			m.find(func(w *word) bool { return matches(w.whole, name) })
		}
	case protoreflect.BytesKind, protoreflect.BoolKind:
	default:
		text := "" // of the number
		m.find(func(w *word) bool {
			if w.numeric && text == "" {
				text = v.String()
			}
			return w.numeric && text == w.literal
		})
	}
}

// find keeps which of the words, of those that have not been found, are in a value.
func (m *matching) find(in func(*word) bool) {
	for i, w := range m.words {
		if m.found>>i&1 == 0 && in(w) {
			m.found |= 1 << i
		}
	}
}
