// Package resource reads the names of the resources that a request is about.
package resource

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Path is the path of the field that names the resources of a request.
type Path struct {
	request protoreflect.MessageDescriptor
	text    string
	fields  []protoreflect.FieldDescriptor
	many    bool // whether a field on the path is repeated
}

// Find returns the path of a permission's resource in a request message.
func Find(request protoreflect.MessageDescriptor, p policy.Permission) (Path, error) {
	fields, fault := policy.ResourcePath(request, p)
	if fault != nil {
		return Path{}, *fault
	}
	path := Path{request: request, text: p.Resource, fields: fields}
	for _, field := range fields {
		path.many = path.many || field.IsList()
	}
	return path, nil
}

// Many reports whether a request may name several resources.
func (p Path) Many() bool { return p.many }

// String returns the path as the policy spells it.
func (p Path) String() string { return p.text }

// One returns the name in a request, or "" if the field is unset. Do not call it if p.Many().
func (p Path) One(m protoreflect.Message) string {
	last := len(p.fields) - 1
	for _, field := range p.fields[:last] {
		if !m.Has(field) {
			return ""
		}
		m = m.Get(field).Message()
	}
	return nameIn(m, p.fields[last])
}

// IsOnlyList reports whether the path starts with the only repeated field of the request.
func (p Path) IsOnlyList() bool {
	lists := 0
	for i := range p.request.Fields().Len() {
		if p.request.Fields().Get(i).IsList() {
			lists++
		}
	}
	return lists == 1 && p.fields[0].IsList()
}

// Fits reports whether p was found in the message type of m. It does not fit a message whose type
// another copy of the proto describes.
func (p Path) Fits(m protoreflect.Message) bool { return m.Descriptor() == p.request }

// MaxBytes is the maximum length of a name.
const MaxBytes = 2048

// All returns the names in a request, or why they cannot be used.
func (p Path) All(m protoreflect.Message, most int) ([]string, *Fault) {
	r := reader{path: p, most: most}
	r.message(m, 0)
	return r.names, r.fault
}

// Names reports whether a request names a resource. If it may name several, an element for one
// counts even if it is empty.
func (p Path) Names(m protoreflect.Message) bool { return p.names(m, 0) }

func (p Path) names(m protoreflect.Message, i int) bool {
	field := p.fields[i]
	switch {
	case field.IsList():
		return m.Get(field).List().Len() > 0
	case i == len(p.fields)-1:
		return m.Has(field)
	default:
		return m.Has(field) && p.names(m.Get(field).Message(), i+1)
	}
}

// Fault is why the names in a request cannot be used.
type Fault struct {
	// Field is the path of the field, with indexes: "requests[3].name".
	Field string
	Kind  Kind
}

// Kind is the kind of a [Fault].
type Kind int

const (
	// Empty is a field without a name.
	Empty Kind = iota
	// TooMany are more names than allowed. The field has no indexes.
	TooMany
	// TooLong is a name that is longer than [MaxBytes].
	TooLong
)

// At returns the path of the nth name of a request, with indexes.
func (p Path) At(m protoreflect.Message, n int) string {
	r := reader{path: p, most: n}
	r.message(m, 0)
	if r.fault != nil {
		return r.last
	}
	return p.text
}

// reader collects the names in a request.
type reader struct {
	path    Path
	most    int
	indexes []int // in the lists on the way
	names   []string
	fault   *Fault
	last    string // the path of the name that is one too many
}

// message reads the names in m, which is the message that has field i of the path.
func (r *reader) message(m protoreflect.Message, i int) {
	field := r.path.fields[i]
	switch {
	case field.IsList():
		r.list(m.Get(field).List(), i)
	case i == len(r.path.fields)-1:
		r.add(nameIn(m, field))
	case m.Has(field):
		r.message(m.Get(field).Message(), i+1)
	default:
		r.add("")
	}
}

// list reads the names in a list, which is field i of the path.
func (r *reader) list(list protoreflect.List, i int) {
	if list.Len() == 0 && len(r.indexes) > 0 { // an element of another list that names nothing
		r.add("")
		return
	}
	r.indexes = append(r.indexes, 0)
	for at := 0; at < list.Len() && r.fault == nil; at++ {
		r.indexes[len(r.indexes)-1] = at
		if i < len(r.path.fields)-1 {
			r.message(list.Get(at).Message(), i+1)
		} else {
			r.add(NameOf(r.path.fields[i], list.Get(at)))
		}
	}
	r.indexes = r.indexes[:len(r.indexes)-1]
}

func (r *reader) add(name string) {
	switch {
	case len(r.names) >= r.most:
		r.last = r.at()
		r.fault = &Fault{Field: r.path.text, Kind: TooMany}
	case name == "":
		r.fault = &Fault{Field: r.at()}
	case len(name) > MaxBytes:
		r.fault = &Fault{Field: r.at(), Kind: TooLong}
	default:
		r.names = append(r.names, name)
	}
}

// at returns the path of the current name, with indexes.
func (r *reader) at() string {
	var text strings.Builder
	indexes := r.indexes
	for i, field := range r.path.fields {
		if i > 0 {
			text.WriteByte('.')
		}
		text.WriteString(string(field.Name()))
		if field.IsList() && len(indexes) > 0 {
			fmt.Fprintf(&text, "[%d]", indexes[0])
			indexes = indexes[1:]
		}
	}
	return text.String()
}

// nameIn returns the name in a field, or "" if it is unset.
func nameIn(m protoreflect.Message, field protoreflect.FieldDescriptor) string {
	return NameOf(field, m.Get(field))
}

// NameOf returns a value as the name of a resource: the name of an enum's value, or a number in
// decimal. It returns "" for zero. The field is one that [Find] accepts.
func NameOf(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch field.Kind() {
	case protoreflect.StringKind:
		return value.String()
	case protoreflect.BytesKind:
		return string(value.Bytes())
	case protoreflect.EnumKind:
		return enumName(field.Enum(), value.Enum())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if n := value.Uint(); n != 0 {
			return strconv.FormatUint(n, 10)
		}
		return ""
	default: // the other integers; policy.ResourcePath accepts nothing else
		if n := value.Int(); n != 0 {
			return strconv.FormatInt(n, 10)
		}
		return ""
	}
}

func enumName(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	if number == 0 {
		return ""
	}
	if known := enum.Values().ByNumber(number); known != nil {
		return string(known.Name())
	}
	return strconv.FormatInt(int64(number), 10)
}
