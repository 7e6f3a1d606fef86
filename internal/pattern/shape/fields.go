// Package shape inspects messages, fields and their names for patterns.
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

// Messages that patterns recognize by name.
const (
	AnyMessage       protoreflect.FullName = "google.protobuf.Any"
	TimestampMessage protoreflect.FullName = "google.protobuf.Timestamp"
	StatusMessage    protoreflect.FullName = "google.rpc.Status"

	codeEnum protoreflect.FullName = "google.rpc.Code"

	resourceOption  protoreflect.FieldNumber = 1053 // google.api.resource (AIP-123)
	referenceOption protoreflect.FieldNumber = 1055 // google.api.resource_reference (AIP-122)
)

// Kind is a requirement on a field for a part of a pattern.
type Kind struct {
	Fits func(protoreflect.FieldDescriptor) bool
	Text string // a description for problems
}

// The kinds of fields that options name.
var (
	ACount      = Kind{IsCount, "an integer, or a wrapper of one"}
	AToken      = Kind{IsToken, "a string or bytes"}
	AnID        = Kind{IsIDField, "a string outside of a oneof"}
	AList       = Kind{IsList, "a repeated field or a map"}
	ChildList   = Kind{IsChildList, "a repeated field of messages, strings, integers or enums"}
	AKey        = Kind{IsKey, "a string, an integer or an enum"}
	AResultList = Kind{protoreflect.FieldDescriptor.IsList, "a repeated field"}
	ATimestamp  = Kind{IsTimestamp, "a google.protobuf.Timestamp"}
	ASymbol     = Kind{IsSymbol, "a string or an enum"}
	Symbols     = Kind{IsSymbols, "a string or an enum, or a repeated field of one"}
	AString     = Kind{IsString, "a string"}
	SomeBytes   = Kind{IsBytes, "bytes"}
	ABool       = Kind{IsBool, "a bool"}
	AnInteger   = Kind{IsInteger, "an integer"}
	AChecksum   = Kind{IsChecksum, "a string, bytes or an integer of 32 bits"}
	AnArm       = Kind{IsArm, "a message in a oneof"}
	AnyArm      = Kind{IsChoice, "a field of a oneof"}
	AnEnum      = Kind{IsEnum, "an enum"}
	AMessage    = Kind{IsMessage, "a message"}
	AnErrorCode = Kind{IsErrorCode, "an integer, a string or a google.rpc.Code"}
	ARoomKey    = Kind{func(f protoreflect.FieldDescriptor) bool { return IsString(f) || IsInteger(f) }, "a string or an integer"}
	AnyField    = Kind{func(protoreflect.FieldDescriptor) bool { return true }, "a field"}
)

// IsSingular reports whether a field is neither repeated nor a map.
func IsSingular(f protoreflect.FieldDescriptor) bool { return f.Cardinality() != protoreflect.Repeated }

// IsList reports whether a field is repeated or a map.
func IsList(f protoreflect.FieldDescriptor) bool { return !IsSingular(f) }

// IsString reports whether a field is a singular string.
func IsString(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.StringKind
}

// IsChoice reports whether a field is in a oneof. A proto3 optional field is not.
func IsChoice(f protoreflect.FieldDescriptor) bool {
	return f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
}

// IsBool reports whether a field is a singular bool.
func IsBool(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.BoolKind
}

// IsBytes reports whether a field is singular bytes.
func IsBytes(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Kind() == protoreflect.BytesKind
}

// IsTimestamp reports whether a field is a singular google.protobuf.Timestamp.
func IsTimestamp(f protoreflect.FieldDescriptor) bool {
	return IsMessage(f) && f.Message().FullName() == TimestampMessage
}

// IsSymbol reports whether a field is a singular string or enum.
func IsSymbol(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && IsSymbols(f) }

// IsSymbols reports whether a field is a string, an enum, or a list of either.
func IsSymbols(f protoreflect.FieldDescriptor) bool {
	return !f.IsMap() && (f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.EnumKind)
}

// IsInteger reports whether a field is a singular integer with any encoding.
func IsInteger(f protoreflect.FieldDescriptor) bool {
	return IsSingular(f) && f.Enum() == nil && f.Kind() != protoreflect.StringKind && GoKey(f) != ""
}

// IsChecksum reports whether a field can contain a checksum: a string, bytes or a 32-bit integer.
func IsChecksum(f protoreflect.FieldDescriptor) bool {
	return IsToken(f) || IsInteger(f) && strings.HasSuffix(GoKey(f), "int32")
}

// IsEnum reports whether a field is a singular enum.
func IsEnum(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && f.Enum() != nil }

// IsErrorCode reports whether a field can contain the code of an error. The numbers of other enums
// than google.rpc.Code mean something else.
func IsErrorCode(f protoreflect.FieldDescriptor) bool {
	return IsString(f) || IsInteger(f) || IsEnum(f) && f.Enum().FullName() == codeEnum
}

// IsArm reports whether a field is a message in a oneof.
func IsArm(f protoreflect.FieldDescriptor) bool { return IsMessage(f) && IsChoice(f) }

// IsIDField reports whether a field can be the idempotency key. A field in a oneof cannot: setting
// it would clear the field that is set.
func IsIDField(f protoreflect.FieldDescriptor) bool { return IsString(f) && !IsChoice(f) }

// IsMessage reports whether a field is a singular message.
func IsMessage(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && f.Message() != nil }

// IsToken reports whether a field is a singular string or bytes.
func IsToken(f protoreflect.FieldDescriptor) bool {
	return IsString(f) || IsSingular(f) && f.Kind() == protoreflect.BytesKind
}

// IsCount reports whether a field can count items: an integer with a common encoding, or a wrapper
// of one.
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

// IsMessageList reports whether a field is a list of messages, and not a map.
func IsMessageList(f protoreflect.FieldDescriptor) bool { return f.IsList() && f.Message() != nil }

// IsScalarList reports whether a field is a list of values that can be map keys in Go, such as IDs.
func IsScalarList(f protoreflect.FieldDescriptor) bool { return f.IsList() && GoKey(f) != "" }

// IsChildList reports whether a field can contain the items of a batch.
func IsChildList(f protoreflect.FieldDescriptor) bool { return IsMessageList(f) || IsScalarList(f) }

// IsKey reports whether the values of a field can be compared for equality: it is not a float or a
// list.
func IsKey(f protoreflect.FieldDescriptor) bool { return IsSingular(f) && GoKey(f) != "" }

// GoKey returns the Go type of a string, an integer or an enum, and "" for other fields. Fields
// with the same Go type can be compared.
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

// IsStatus reports whether a message is google.rpc.Status, or a message Status with the same
// encoding.
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

// ErrorField returns the field for the error of an operation: a status, by its name or because it
// is the only one.
func ErrorField(m protoreflect.MessageDescriptor) Path {
	if path := FirstNamed(m, []string{"error", "status"}, IsStatusField); len(path) > 0 {
		return path
	}
	if f := Only(FieldsThat(m, IsStatusField), IsStatusField); f != nil {
		return Path{f}
	}
	return nil
}

// IsStatusField reports whether a field is a singular status.
func IsStatusField(f protoreflect.FieldDescriptor) bool { return IsMessage(f) && IsStatus(f.Message()) }

// IsResource reports whether a message has the google.api.resource option.
func IsResource(m protoreflect.MessageDescriptor) bool {
	return m != nil && len(policy.RawFields(m.Options(), resourceOption)) > 0
}

// IsResourceName reports whether the values of a field are resource names, according to the
// google.api options.
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

// FieldsOf yields the fields of a message, in the order of the proto.
func FieldsOf(m protoreflect.MessageDescriptor) iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range m.Fields().Len() {
			if !yield(m.Fields().Get(i)) {
				return
			}
		}
	}
}

// FieldsThat returns the fields of a message that satisfy is.
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

// AllNamed returns the fields that have one of the names and satisfy is, in the order of the names.
func AllNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) (paths []Path) {
	for _, name := range names {
		if f := FieldNamed(m, name); f != nil && is(f) && !IsDeprecated(f) {
			paths = append(paths, Path{f})
		}
	}
	return paths
}

// FieldNamed returns the field with a name, or with its camel-case form: pageToken for page_token.
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

// FirstNamed returns the first result of AllNamed, or an empty path.
func FirstNamed(m protoreflect.MessageDescriptor, names []string, is func(protoreflect.FieldDescriptor) bool) Path {
	if paths := AllNamed(m, names, is); len(paths) > 0 {
		return paths[0]
	}
	return nil
}

// Only returns the only field that satisfies is, or nil if none or several do.
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

// TextIn returns the text of a field of an encoded message, by number; the last occurrence wins.
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

// ListOf formats a list of fields: "a", "a and b", "a, b and 3 more".
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

// Join formats a list: "a", "a and b", "a, b and c".
func Join(names []string) string { return join(names, " and ") }

// JoinOr is Join with "or".
func JoinOr(names []string) string { return join(names, " or ") }

func join(names []string, word string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + word + names[last]
}
