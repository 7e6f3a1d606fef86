package filter

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// word is a bare literal, which is searched for in the fields of a message.
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

// has reports whether the message contains the nth word. The first call searches for all words at
// once.
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

// searching reports whether some words have not been found yet.
func (m *matching) searching() bool { return m.found != 1<<len(m.words)-1 && m.err == nil }

// search searches the set fields of a message at a scope.
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

// opaque reports whether a message type is not searched, because its fields are not text or its
// type is unknown.
func opaque(name protoreflect.FullName) bool {
	return name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" || name == "google.protobuf.Any"
}

// value searches the value of a field.
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

// single searches a value that is neither a list nor a map.
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

// find records which of the words not found yet occur in a value.
func (m *matching) find(in func(*word) bool) {
	for i, w := range m.words {
		if m.found>>i&1 == 0 && in(w) {
			m.found |= 1 << i
		}
	}
}

// checkEvery is the amount of a message, in bytes and values, that is read between two checks of
// the context.
const checkEvery = 64 << 10

// matching is the state of a filter that searches, for one message. It is nil for a filter of plain
// comparisons.
type matching struct {
	ctx           context.Context
	err           error // the error of ctx; if set, the results are invalid
	read, checked int

	words    []*word
	searched bool
	found    uint64 // bit set of the words found in the message
	unpacked map[protoreflect.Message]protoreflect.Message
}

// spend counts n bytes or values as read, and reports whether to continue.
func (m *matching) spend(n int) bool {
	if m == nil {
		return true
	}
	m.read += n
	if m.read-m.checked >= checkEvery && m.err == nil {
		m.checked = m.read
		m.err = m.ctx.Err()
	}
	return m.err == nil
}

// unpack returns the message in a google.protobuf.Any if its type is linked in. It decodes the
// message once, however many comparisons use it.
func (m *matching) unpack(packed protoreflect.Message) (protoreflect.Message, bool) {
	message, known := m.unpacked[packed]
	if !known {
		message = unpacked(packed)
		if m.unpacked == nil {
			m.unpacked = make(map[protoreflect.Message]protoreflect.Message)
		}
		m.unpacked[packed] = message
	}
	return message, message != nil
}

// unpacked decodes the message in a google.protobuf.Any. It returns nil if the type is not linked
// in.
func unpacked(packed protoreflect.Message) protoreflect.Message {
	fields := packed.Descriptor().Fields()
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(packed.Get(fields.ByName("type_url")).String())
	if err != nil {
		return nil
	}
	message := kind.New()
	if proto.Unmarshal(packed.Get(fields.ByName("value")).Bytes(), message.Interface()) != nil {
		return nil
	}
	return message
}
