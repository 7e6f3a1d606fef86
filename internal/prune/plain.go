package prune

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// The numbers of the fields of the descriptors of messages, fields and enums.
const (
	messageField     = 2 // DescriptorProto
	messageNested    = 3
	messageEnum      = 4
	messageExtension = 6
	messageOptions   = 7
	messageOneof     = 8

	fieldNumber     = 3 // FieldDescriptorProto
	fieldLabel      = 4
	fieldType       = 5
	fieldTypeName   = 6
	fieldOptions    = 8
	fieldOneofIndex = 9
	fieldJSONName   = 10
	proto3Optional  = 17

	enumValue          = 2 // EnumDescriptorProto
	enumOptions        = 3
	enumValueNumber    = 2 // EnumValueDescriptorProto
	enumValueOptions   = 3
	oneofOptions       = 2 // OneofDescriptorProto
	mapEntryOption     = 7 // MessageOptions
	maxFieldNumber     = 1<<29 - 1
	firstReservedField = 19000
	lastReservedField  = 19999
)

// A declaration is plain if package protodesc accepts it wherever it is, as long as the files of the
// request exist. So it can be removed: a request without it fails only if the whole one does.
//
// What compilers rarely write counts as not plain, which is safe: it stays.

// inspect finds the types that a type names, whether it is plain, and whether it has validation
// rules. It reports false if a name cannot be resolved.
func (g *graph) inspect(i int32) bool {
	t := &g.types[i]
	if t.isEnum {
		t.isPlain = g.isPlainEnum(t)
		return true
	}
	m := message{graph: g, typ: t, index: i, names: g.names[:0], numbers: g.numbers[:0]}
	isPlain, ok := m.inspect()
	g.names, g.numbers = m.names, m.numbers
	t.isPlain = isPlain && !g.files[t.file].isEdition
	return ok
}

// message is a message that is inspected.
type message struct {
	graph *graph
	typ   *typ
	index int32

	names   []string // that its scope declares
	numbers []uint64
	oneofs  []oneof
	last    int // the index of the oneof of the last field, or -1
}

// oneof is a oneof of a message.
type oneof struct {
	fields     int
	isOptional bool // whether it stands for the optional of proto3
}

// inspect finds the types that the message names, and whether it is plain.
func (m *message) inspect() (isPlain, ok bool) {
	isPlain, m.last = true, -1
	for rest := m.typ.raw; len(rest) > 0; {
		d, _ := next(&rest)
		if d.number == messageOneof {
			m.oneofs = append(m.oneofs, oneof{})
		}
	}
	number := protowire.Number(0)
	for rest := m.typ.raw; len(rest) > 0; {
		d, _ := next(&rest)
		isPlain = isPlain && d.isBytes && d.number >= number
		number = d.number
		switch {
		case !d.isBytes:
			isPlain = false
		case d.number == declarationName:
			isPlain = isPlain && isIdentifier(d.value)
		case d.number == messageField:
			plain, ok := m.field(d.value)
			if !ok {
				return false, false
			}
			isPlain = isPlain && plain
		case d.number == messageNested:
			name, _ := nameOf(d.value)
			m.names = append(m.names, name)
		case d.number == messageEnum:
			isPlain = m.enum(d.value) && isPlain
		case d.number == messageOptions:
			isPlain = isPlain && isPlainOptions(ofMessage, d.value)
			m.typ.rules = max(m.typ.rules, rulesOf(d.value, false))
		case d.number == messageOneof:
			isPlain = m.oneof(d.value) && isPlain
		default:
			isPlain = false // extensions, and what is reserved
		}
	}
	isPlain = isPlain && areDistinct(m.names) && areDistinct(m.numbers) && m.arePlainOneofs()
	return isPlain && (!m.typ.isEntry || m.isPlainEntry()), true
}

// decl is the declaration of a field.
type decl struct {
	name, typeName, options []byte
	number, label, kind     uint64
	oneof                   int // -1 if it is in none
	isOptional              bool
}

// declOf returns a field. It reports false if it has what few fields have, such as a default value.
func declOf(raw []byte) (d decl, ok bool) {
	d.oneof = -1
	number := protowire.Number(0)
	for len(raw) > 0 {
		f, ok := next(&raw)
		if !ok {
			return d, false
		}
		switch f.number {
		case declarationName:
			d.name = f.value
		case fieldNumber:
			d.number = varint(f)
		case fieldLabel:
			d.label = varint(f)
		case fieldType:
			d.kind = varint(f)
		case fieldTypeName:
			d.typeName = f.value
		case fieldOptions:
			d.options = f.value
		case fieldOneofIndex:
			d.oneof = int(min(varint(f), maxFieldNumber))
		case fieldJSONName:
		case proto3Optional:
			d.isOptional = varint(f) == 1
			if !d.isOptional {
				return d, false
			}
		default:
			return d, false
		}
		if f.number <= number || f.isBytes != isBytesField(f.number) || f.isBytes == f.isVarint {
			return d, false
		}
		number = f.number
	}
	return d, true
}

// isBytesField reports whether a field of FieldDescriptorProto is bytes.
func isBytesField(number protowire.Number) bool {
	switch number {
	case declarationName, fieldTypeName, fieldOptions, fieldJSONName:
		return true
	}
	return false
}

const (
	labelOptional = uint64(descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL)
	labelRepeated = uint64(descriptorpb.FieldDescriptorProto_LABEL_REPEATED)
	kindMessage   = uint64(descriptorpb.FieldDescriptorProto_TYPE_MESSAGE)
	kindGroup     = uint64(descriptorpb.FieldDescriptorProto_TYPE_GROUP)
	kindEnum      = uint64(descriptorpb.FieldDescriptorProto_TYPE_ENUM)
	kindString    = uint64(descriptorpb.FieldDescriptorProto_TYPE_STRING)
	kindFloat     = uint64(descriptorpb.FieldDescriptorProto_TYPE_FLOAT)
	kindDouble    = uint64(descriptorpb.FieldDescriptorProto_TYPE_DOUBLE)
	kindBytes     = uint64(descriptorpb.FieldDescriptorProto_TYPE_BYTES)
	lastKind      = uint64(descriptorpb.FieldDescriptorProto_TYPE_SINT64)
)

// field inspects a field. It reports ok as false if the type that it names cannot be resolved.
func (m *message) field(raw []byte) (isPlain, ok bool) {
	d, isPlain := declOf(raw)
	if !isPlain {
		m.typ.rules = max(m.typ.rules, mayHaveRules)
		return false, m.addRef(raw)
	}
	m.typ.rules = max(m.typ.rules, rulesOf(d.options, true))
	m.names, m.numbers = append(m.names, string(d.name)), append(m.numbers, d.number)
	isPlain = isIdentifier(d.name) && isFieldNumber(d.number) && isPlainOptions(ofField, d.options) &&
		(d.label == labelOptional || d.label == labelRepeated) &&
		0 < d.kind && d.kind <= lastKind && d.kind != kindGroup &&
		(!d.isOptional || m.isProto3() && d.label == labelOptional)
	isPlain = m.inOneof(d) && isPlain
	if d.typeName == nil {
		return isPlain && d.kind != kindMessage && d.kind != kindEnum, true
	}
	ref, ok := m.graph.resolve(m.typ.file, d.typeName)
	if !ok {
		return false, false
	}
	m.typ.refs = append(m.typ.refs, ref)
	to := &m.graph.types[ref]
	switch {
	case d.kind == kindEnum:
		isPlain = isPlain && to.isEnum && (!m.isProto3() || m.graph.files[to.file].isProto3)
	case d.kind == kindMessage && to.isEntry:
		isPlain = isPlain && to.parent == m.index && d.label == labelRepeated &&
			to.name == join(m.typ.name, entryName(d.name))
	case d.kind == kindMessage:
		isPlain = isPlain && !to.isEnum
	default:
		isPlain = false
	}
	return isPlain, true
}

// addRef adds the type that a field names which is not plain.
func (m *message) addRef(raw []byte) bool {
	refs, ok := m.graph.refsOf(m.typ.file, raw)
	m.typ.refs = append(m.typ.refs, refs...)
	return ok
}

// refsOf returns the types that a field or an extension names: its own, and the one that it extends.
func (g *graph) refsOf(file int32, raw []byte) (refs []int32, ok bool) {
	for len(raw) > 0 {
		f, ok := next(&raw)
		if !ok {
			return nil, false
		}
		if f.number == fieldTypeName || f.number == fieldExtendee {
			ref, ok := g.resolve(file, f.value)
			if !ok {
				return nil, false
			}
			refs = append(refs, ref)
		}
	}
	return refs, true
}

// fieldExtendee is the number of FieldDescriptorProto.extendee.
const fieldExtendee = 2

func (m *message) isProto3() bool { return m.graph.files[m.typ.file].isProto3 }

// inOneof adds a field to its oneof. It reports whether the fields of a oneof follow each other.
func (m *message) inOneof(d decl) bool {
	before := m.last
	m.last = d.oneof
	if d.oneof < 0 {
		return true
	}
	if d.oneof >= len(m.oneofs) {
		return false
	}
	o := &m.oneofs[d.oneof]
	o.fields++
	o.isOptional = o.isOptional || d.isOptional
	return d.label == labelOptional && (o.fields == 1 || before == d.oneof)
}

// oneof inspects a oneof.
func (m *message) oneof(raw []byte) bool {
	name, ok := nameOf(raw)
	m.names = append(m.names, name)
	for len(raw) > 0 {
		f, isWhole := next(&raw)
		switch {
		case !isWhole, !f.isBytes, f.number > oneofOptions:
			ok = false
			raw = nil
		case f.number == oneofOptions:
			ok = ok && isPlainOptions(ofOneof, f.value)
			m.typ.rules = max(m.typ.rules, rulesOf(f.value, false))
		}
	}
	return ok && isIdentifier([]byte(name))
}

// arePlainOneofs reports whether each oneof has fields, and those of optional fields are last.
func (m *message) arePlainOneofs() bool {
	seenOptional := false
	for _, o := range m.oneofs {
		if o.fields == 0 || o.isOptional && o.fields > 1 || seenOptional && !o.isOptional {
			return false
		}
		seenOptional = o.isOptional
	}
	return true
}

// enum adds the names of an enum that is nested in the message to its scope.
func (m *message) enum(raw []byte) bool {
	name, ok := nameOf(raw)
	m.names = append(m.names, name)
	for len(raw) > 0 {
		f, _ := next(&raw)
		if f.number == enumValue {
			value, isNamed := nameOf(f.value)
			m.names, ok = append(m.names, value), ok && isNamed
		}
	}
	return ok
}

// isPlainEntry reports whether the message is the entry of a map as compilers write it.
func (m *message) isPlainEntry() bool {
	if len(m.names) != 2 || m.names[0] != "key" || m.names[1] != "value" || len(m.oneofs) > 0 ||
		m.numbers[0] != 1 || m.numbers[1] != 2 || m.typ.end > m.index+1 {
		return false
	}
	isKey := true
	for rest := m.typ.raw; len(rest) > 0; {
		f, _ := next(&rest)
		if f.number != messageField {
			continue
		}
		d, _ := declOf(f.value)
		if d.label != labelOptional || isKey && !isKeyKind(d.kind) {
			return false
		}
		isKey = false
	}
	// The first value of an enum of proto3 is 0, which is what a map requires.
	return !slices.ContainsFunc(m.typ.refs, func(ref int32) bool {
		to := &m.graph.types[ref]
		return to.isEnum && !m.graph.files[to.file].isProto3
	})
}

// isKeyKind reports whether keys of maps can have a type.
func isKeyKind(kind uint64) bool {
	switch kind {
	case kindFloat, kindDouble, kindBytes, kindMessage, kindGroup, kindEnum:
		return false
	}
	return true
}

// entryName returns the name of the message for the entries of a map.
func entryName(field []byte) string {
	name := make([]byte, 0, len(field)+len("Entry"))
	isUpper := true
	for _, c := range field {
		switch {
		case c == '_':
			isUpper = true
			continue
		case isUpper && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		isUpper = false
		name = append(name, c)
	}
	return string(append(name, "Entry"...))
}

// isPlainEnum reports whether an enum is plain.
func (g *graph) isPlainEnum(t *typ) bool {
	_, simple := splitLast(t.name)
	if !isIdentifier([]byte(simple)) || g.files[t.file].isEdition {
		return false
	}
	prefix := shape.Letters(simple)
	var names []string
	var numbers []uint64
	number := protowire.Number(0)
	for rest := t.raw; len(rest) > 0; {
		f, _ := next(&rest)
		switch {
		case !f.isBytes || f.number < number:
			return false
		case f.number == declarationName:
		case f.number == enumOptions:
			if !isPlainOptions(ofEnum, f.value) {
				return false
			}
		case f.number == enumValue:
			name, n, ok := valueOf(f.value)
			if !ok || len(numbers) == 0 && g.files[t.file].isProto3 && n != 0 {
				return false
			}
			numbers = append(numbers, n)
			// If the letters of two names differ, with and without the prefix of the enum, so do
			// their names in JSON and in Go.
			names = append(names, shape.Letters(name))
			if short, found := strings.CutPrefix(shape.Letters(name), prefix); found {
				names = append(names, short)
			}
		default:
			return false
		}
		number = f.number
	}
	return len(numbers) > 0 && areDistinct(numbers) && areDistinct(names)
}

// valueOf returns the name and the number of a plain value of an enum.
func valueOf(raw []byte) (name string, number uint64, ok bool) {
	name, ok = nameOf(raw)
	ok = ok && isIdentifier([]byte(name))
	hasNumber := false
	for len(raw) > 0 {
		f, isWhole := next(&raw)
		switch {
		case !isWhole:
			return name, 0, false
		case f.number == declarationName:
		case f.number == enumValueNumber && f.isVarint && !hasNumber:
			number, hasNumber = uint64(uint32(varint(f))), true
		case f.number == enumValueOptions && f.isBytes:
			ok = ok && isPlainOptions(ofValue, f.value)
		default:
			return name, 0, false
		}
	}
	return name, number, ok && hasNumber
}

func isFieldNumber(n uint64) bool {
	return 0 < n && n <= maxFieldNumber && (n < firstReservedField || lastReservedField < n)
}

func isIdentifier(name []byte) bool {
	return protoreflect.Name(name).IsValid()
}

// areDistinct reports whether no two elements of a list are equal.
func areDistinct[T comparable](list []T) bool {
	const few = 16
	if len(list) <= few {
		for i, v := range list {
			if slices.Contains(list[:i], v) {
				return false
			}
		}
		return true
	}
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		if seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}
