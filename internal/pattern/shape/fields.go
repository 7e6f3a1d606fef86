// Package shape reads messages, fields and their names as patterns see them.
package shape

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The messages that patterns know by their names.
const (
	AnyMessage       protoreflect.FullName = "google.protobuf.Any"
	TimestampMessage protoreflect.FullName = "google.protobuf.Timestamp"
	StatusMessage    protoreflect.FullName = "google.rpc.Status"

	resourceOption  protoreflect.FieldNumber = 1053 // google.api.resource (AIP-123)
	referenceOption protoreflect.FieldNumber = 1055 // google.api.resource_reference (AIP-122)
)

// Kind is what a field must be for a place in a pattern.
type Kind struct {
	Fits func(protoreflect.FieldDescriptor) bool
	Text string // what it is, for a problem
}

// The kinds of fields that options name.
var (
	ACount       = Kind{IsCount, "an integer, or a wrapper of one"}
	AToken       = Kind{IsToken, "a string or bytes"}
	AnID         = Kind{IsIDField, "a string outside of a oneof"}
	AList        = Kind{IsList, "a repeated field or a map"}
	ChildList    = Kind{IsChildList, "a repeated field of messages, strings, integers or enums"}
	AKey         = Kind{IsKey, "a string, an integer or an enum"}
	AMessageList = Kind{IsMessageList, "a repeated field of messages"}
	ATimestamp   = Kind{IsTimestamp, "a google.protobuf.Timestamp"}
	ASymbol      = Kind{IsSymbol, "a string or an enum"}
	Symbols      = Kind{IsSymbols, "a string or an enum, or a repeated field of one"}
	AString      = Kind{IsString, "a string"}
	SomeBytes    = Kind{IsBytes, "bytes"}
	ABool        = Kind{IsBool, "a bool"}
	AnInteger    = Kind{IsInteger, "an integer"}
	AChecksum    = Kind{IsChecksum, "a string, bytes or an integer of 32 bits"}
	AnArm        = Kind{IsArm, "a message in a oneof"}
	ARoomKey     = Kind{func(f protoreflect.FieldDescriptor) bool { return IsString(f) || IsInteger(f) }, "a string or an integer"}
	AnyField     = Kind{func(protoreflect.FieldDescriptor) bool { return true }, "a field"}
)

// IsSingular reports whether a field is neither repeated nor a map.
func IsSingular(f protoreflect.FieldDescriptor) bool { return f.Cardinality() != protoreflect.Repeated }

// IsList reports whether a field is repeated or a map.
func IsList(f protoreflect.FieldDescriptor) bool { return !IsSingular(f) }

// IsString reports whether a field is a single string.
func IsString(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.StringKind
}

// IsChoice reports whether a field is one of several of which only one can be set.
func IsChoice(f protoreflect.FieldDescriptor) bool {
	return f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
}

// IsBool reports whether a field is a single bool.
func IsBool(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.BoolKind
}

// IsBytes reports whether a field is single bytes.
func IsBytes(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.BytesKind
}

// IsTimestamp reports whether a field is a single google.protobuf.Timestamp.
func IsTimestamp(f protoreflect.FieldDescriptor) bool {
	return IsMessage(f) && f.Message().FullName() == TimestampMessage
}

// IsSymbol reports whether a field is a single string or enum.
func IsSymbol(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && IsSymbols(f) }

// IsSymbols reports whether a field is a string or an enum, or a list of one.
func IsSymbols(f protoreflect.FieldDescriptor) bool {
	return !f.IsMap() && (f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.EnumKind)
}

// IsInteger reports whether a field is a single integer of any encoding.
func IsInteger(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Enum() == nil && f.Kind() != protoreflect.StringKind && GoKey(f) != ""
}

// IsChecksum reports whether a field can hold a checksum: a string, bytes or 32 bits.
func IsChecksum(f protoreflect.FieldDescriptor) bool {
	return IsToken(f) || IsInteger(f) && strings.HasSuffix(GoKey(f), "int32")
}

// IsArm reports whether a field is a message in a oneof.
func IsArm(f protoreflect.FieldDescriptor) bool { return IsMessage(f) && IsChoice(f) }

// IsIDField reports whether a field can hold the idempotency key. One in a oneof cannot: to fill it in would take away what is set.
func IsIDField(f protoreflect.FieldDescriptor) bool { return IsString(f) && !IsChoice(f) }

// IsMessage reports whether a field is a single message.
func IsMessage(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && f.Message() != nil }

// IsToken reports whether a field is a single string, or bytes.
func IsToken(f protoreflect.FieldDescriptor) bool {
	return IsString(f) || IsSingular(f) && f.Kind() == protoreflect.BytesKind
}

// IsCount reports whether a field counts items: an integer that is not encoded in an unusual way, or a wrapper of one.
func IsCount(f protoreflect.FieldDescriptor) bool {
	if !IsSingular(f) {
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

// IsMessageList reports whether a field is a list of messages, and no map.
func IsMessageList(f protoreflect.FieldDescriptor) bool { return f.IsList() && f.Message() != nil }

// IsScalarList reports whether a field is a list of what can be the key of a map in Go, as ids are.
func IsScalarList(f protoreflect.FieldDescriptor) bool { return f.IsList() && GoKey(f) != "" }

// IsChildList reports whether a field can hold the items of a batch.
func IsChildList(f protoreflect.FieldDescriptor) bool { return IsMessageList(f) || IsScalarList(f) }

// IsKey reports whether the values of a field can be told apart by equality: no floats, and no lists.
func IsKey(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && GoKey(f) != "" }

// GoKey returns the Go type of a string, an integer or an enum, and nothing for all else. Fields of one Go type can be compared.
func GoKey(f protoreflect.FieldDescriptor) string {
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

// IsStatus reports whether a message is google.rpc.Status, or a Status that is encoded like it.
func IsStatus(m protoreflect.MessageDescriptor) bool {
	if m.FullName() == StatusMessage {
		return true
	}
	code, text := m.Fields().ByNumber(1), m.Fields().ByNumber(2)
	if !strings.HasSuffix(string(m.Name()), "Status") || code == nil || text == nil {
		return false
	}
	isCode := code.Kind() == protoreflect.Int32Kind || code.Kind() == protoreflect.EnumKind
	return isCode && IsSingular(code) && code.Name() == "code" && IsString(text) && text.Name() == "message"
}

// ErrorField returns the field for the error of an operation: a status, by its name or as the only one.
func ErrorField(m protoreflect.MessageDescriptor) Path {
	if path := FirstNamed(m, []string{"error", "status"}, IsStatusField); len(path) > 0 {
		return path
	}
	if f := Only(FieldsThat(m, IsStatusField), IsStatusField); f != nil {
		return Path{f}
	}
	return nil
}

// IsStatusField reports whether a field is a single status.
func IsStatusField(f protoreflect.FieldDescriptor) bool { return IsMessage(f) && IsStatus(f.Message()) }

// IsResource reports whether a message is a resource of google.api.
func IsResource(m protoreflect.MessageDescriptor) bool {
	return m != nil && len(policy.RawFields(m.Options(), resourceOption)) > 0
}

// IsResourceName reports whether the texts of a field are names of resources of google.api.
func IsResourceName(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.StringKind && len(policy.RawFields(f.Options(), referenceOption)) > 0
}

// IsDeprecated reports whether an option marks something as deprecated.
func IsDeprecated(d protoreflect.Descriptor) bool {
	options, ok := d.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}

// ItemMessage returns the message of each item of a list or of each value of a map, or nil.
func ItemMessage(f protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if f.IsMap() {
		return f.MapValue().Message()
	}
	return f.Message()
}

// FieldsOf yields the fields of a message, as they stand in the proto.
func FieldsOf(m protoreflect.MessageDescriptor) iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range m.Fields().Len() {
			if !yield(m.Fields().Get(i)) {
				return
			}
		}
	}
}

// FieldsThat returns the fields of a message for which is holds.
func FieldsThat(m protoreflect.MessageDescriptor, is func(protoreflect.FieldDescriptor) bool) []protoreflect.FieldDescriptor {
	return slices.Collect(filter(FieldsOf(m), is))
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

// AllNamed returns the fields that have one of the names and are of a kind, in the order of the names.
func AllNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) (paths []Path) {
	for _, name := range names {
		if f := FieldNamed(m, name); f != nil && is(f) && !IsDeprecated(f) {
			paths = append(paths, Path{f})
		}
	}
	return paths
}

// FieldNamed returns the field of a name, or the one that has it in another case: pageToken for page_token.
func FieldNamed(m protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := m.Fields().ByName(protoreflect.Name(name)); f != nil {
		return f
	}
	for f := range FieldsOf(m) {
		if Snake(f.Name()) == name {
			return f
		}
	}
	return nil
}

// FirstNamed returns the first of AllNamed, or an empty path.
func FirstNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) Path {
	if paths := AllNamed(m, names, is); len(paths) > 0 {
		return paths[0]
	}
	return nil
}

// Only returns the one field for which is holds, or nil where there is none or more than one.
func Only(fields []protoreflect.FieldDescriptor, is func(protoreflect.FieldDescriptor) bool) (found protoreflect.FieldDescriptor) {
	for _, f := range fields {
		switch {
		case !is(f):
		case found != nil:
			return nil
		default:
			found = f
		}
	}
	return found
}

// TextIn returns the text under a field number of an encoded message; the last one counts.
func TextIn(raw []byte, number protowire.Number) (text string) {
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

// ListOf spells a list of fields: "a", "a and b", "a, b and 3 more".
func ListOf(fields []protoreflect.FieldDescriptor) string {
	const most = 6
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, string(f.Name()))
	}
	if len(names) > most {
		names = append(names[:most-1], fmt.Sprintf("%d more", len(names)-most+1))
	}
	return Join(names)
}

// Join spells a list: "a", "a and b", "a, b and c".
func Join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
