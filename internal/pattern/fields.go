package pattern

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	anyMessage    protoreflect.FullName = "google.protobuf.Any"
	statusMessage protoreflect.FullName = "google.rpc.Status"

	resourceOption  protoreflect.FieldNumber = 1053     // google.api.resource (AIP-123)
	referenceOption protoreflect.FieldNumber = 1055     // google.api.resource_reference (AIP-122)
	httpOption      protoreflect.FieldNumber = 72295728 // google.api.http (AIP-127)
	httpGet         protowire.Number         = 2        // google.api.HttpRule.get
)

// kind is what a field must be for a place in a pattern.
type kind struct {
	fits func(protoreflect.FieldDescriptor) bool
	text string // what it is, for a problem
}

var (
	aCount    = kind{isCount, "an integer, or a wrapper of one"}
	aToken    = kind{isToken, "a string or bytes"}
	anID      = kind{isIDField, "a string outside of a oneof"}
	aList     = kind{isList, "a repeated field or a map"}
	childList = kind{isChildList, "a repeated field of messages, strings, integers or enums"}
	aKey      = kind{isKey, "a string, an integer or an enum"}
	anyField  = kind{func(protoreflect.FieldDescriptor) bool { return true }, "a field"}
)

// isSingular says whether a field is neither repeated nor a map.
func isSingular(f protoreflect.FieldDescriptor) bool { return f.Cardinality() != protoreflect.Repeated }

func isList(f protoreflect.FieldDescriptor) bool { return !isSingular(f) }

func isString(f protoreflect.FieldDescriptor) bool {
	return isSingular(f) && f.Kind() == protoreflect.StringKind
}

// isChoice says whether a field is one of several of which only one can be set.
func isChoice(f protoreflect.FieldDescriptor) bool {
	return f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
}

func isBool(f protoreflect.FieldDescriptor) bool {
	return isSingular(f) && f.Kind() == protoreflect.BoolKind
}

// isIDField says whether a field can hold the request id. One in a oneof cannot: to fill it in would take away what is set.
func isIDField(f protoreflect.FieldDescriptor) bool { return isString(f) && !isChoice(f) }

func isMessage(f protoreflect.FieldDescriptor) bool { return isSingular(f) && f.Message() != nil }

func isToken(f protoreflect.FieldDescriptor) bool {
	return isString(f) || isSingular(f) && f.Kind() == protoreflect.BytesKind
}

// isCount says whether a field counts items: an integer that is not encoded in an unusual way, or a wrapper of one.
func isCount(f protoreflect.FieldDescriptor) bool {
	if !isSingular(f) {
		return false
	}
	switch f.Kind() {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return true
	case protoreflect.MessageKind:
		wrappers := []protoreflect.FullName{
			"google.protobuf.Int32Value", "google.protobuf.Int64Value", "google.protobuf.UInt32Value",
		}
		return slices.Contains(wrappers, f.Message().FullName())
	default:
		return false
	}
}

// isMessageList says whether a field is a list of messages, and no map.
func isMessageList(f protoreflect.FieldDescriptor) bool { return f.IsList() && f.Message() != nil }

// isScalarList says whether a field is a list of what can be the key of a map in Go, as ids are.
func isScalarList(f protoreflect.FieldDescriptor) bool { return f.IsList() && goKey(f) != "" }

func isChildList(f protoreflect.FieldDescriptor) bool { return isMessageList(f) || isScalarList(f) }

// isKey says whether the values of a field can be told apart by equality: no floats, and no lists.
func isKey(f protoreflect.FieldDescriptor) bool { return isSingular(f) && goKey(f) != "" }

// goKey returns the Go type of a string, an integer or an enum, and nothing for all else. Fields of one Go type can be compared.
func goKey(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return "string"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "int32"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "int64"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "uint32"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "uint64"
	case protoreflect.EnumKind:
		return string(f.Enum().FullName())
	default:
		return ""
	}
}

// isStatus says whether a message is google.rpc.Status, or a Status that is encoded like it.
func isStatus(m protoreflect.MessageDescriptor) bool {
	if m.FullName() == statusMessage {
		return true
	}
	code, text := m.Fields().ByNumber(1), m.Fields().ByNumber(2)
	if !strings.HasSuffix(string(m.Name()), "Status") || code == nil || text == nil {
		return false
	}
	isCode := code.Kind() == protoreflect.Int32Kind || code.Kind() == protoreflect.EnumKind
	return isCode && isSingular(code) && code.Name() == "code" && isString(text) && text.Name() == "message"
}

// isResource says whether a message is a resource of google.api.
func isResource(m protoreflect.MessageDescriptor) bool {
	return m != nil && len(policy.RawFields(m.Options(), resourceOption)) > 0
}

// isResourceName says whether the texts of a field are names of resources of google.api.
func isResourceName(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.StringKind && len(policy.RawFields(f.Options(), referenceOption)) > 0
}

func isDeprecated(d protoreflect.Descriptor) bool {
	options, ok := d.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}

// itemMessage returns the message of each item of a list or of each value of a map, or nil.
func itemMessage(f protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if f.IsMap() {
		return f.MapValue().Message()
	}
	return f.Message()
}

// fieldsOf yields the fields of a message, as they stand in the proto.
func fieldsOf(m protoreflect.MessageDescriptor) iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range m.Fields().Len() {
			if !yield(m.Fields().Get(i)) {
				return
			}
		}
	}
}

// fieldsThat returns the fields of a message for which is holds.
func fieldsThat(m protoreflect.MessageDescriptor, is func(protoreflect.FieldDescriptor) bool) []protoreflect.FieldDescriptor {
	return slices.Collect(filter(fieldsOf(m), is))
}

func filter[T any](all iter.Seq[T], is func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range all {
			if is(v) && !yield(v) {
				return
			}
		}
	}
}

// allNamed returns the fields that have one of the names and are of a kind, in the order of the names.
func allNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) (paths []Path) {
	for _, name := range names {
		if f := fieldNamed(m, name); f != nil && is(f) && !isDeprecated(f) {
			paths = append(paths, Path{f})
		}
	}
	return paths
}

// fieldNamed returns the field of a name, or the one that has it in another case: pageToken for page_token.
func fieldNamed(m protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := m.Fields().ByName(protoreflect.Name(name)); f != nil {
		return f
	}
	for f := range fieldsOf(m) {
		if snake(f.Name()) == name {
			return f
		}
	}
	return nil
}

// firstNamed returns the first of allNamed, or an empty path.
func firstNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) Path {
	if paths := allNamed(m, names, is); len(paths) > 0 {
		return paths[0]
	}
	return nil
}

// textIn returns the text under a field number of an encoded message; the last one counts.
func textIn(raw []byte, number protowire.Number) (text string) {
	for len(raw) > 0 {
		n, wire, tag := protowire.ConsumeTag(raw)
		if tag < 0 {
			return text
		}
		size := protowire.ConsumeFieldValue(n, wire, raw[tag:])
		if size < 0 {
			return text
		}
		if n == number && wire == protowire.BytesType {
			text, _ = protowire.ConsumeString(raw[tag:])
		}
		raw = raw[tag+size:]
	}
	return text
}

// listOf spells a list of fields: "a", "a and b", "a, b and 3 more".
func listOf(fields []protoreflect.FieldDescriptor) string {
	const most = 6
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, string(f.Name()))
	}
	if len(names) > most {
		names = append(names[:most-1], fmt.Sprintf("%d more", len(names)-most+1))
	}
	return join(names)
}

// join spells a list: "a", "a and b", "a, b and c".
func join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
