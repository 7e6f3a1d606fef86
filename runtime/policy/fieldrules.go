package policy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The extensions of google.api that say what a field must hold. Their numbers are registered for all of protobuf; their Go
// packages are not needed to see them, and are not for us to bring.
const (
	fieldBehavior protoreflect.FieldNumber = 1052      // google.api.field_behavior (AIP-203)
	fieldInfo     protoreflect.FieldNumber = 291403980 // google.api.field_info (AIP-202)

	behaviorRequired = 2 // google.api.FieldBehavior.REQUIRED
	infoFormat       = 1 // google.api.FieldInfo.format
)

// Format is what the text of a field must look like, by google.api.field_info.
type Format uint64

// The formats, by their numbers in google.api.FieldInfo.Format.
const (
	FormatNone Format = iota
	FormatUUID4
	FormatIPv4
	FormatIPv6
	FormatIP
)

// IsRequired says whether a field must be set: whether one of its behaviors is REQUIRED.
func IsRequired(field protoreflect.FieldDescriptor) bool {
	for _, raw := range RawFields(field.Options(), fieldBehavior) {
		for len(raw) > 0 { // a list is encoded as one field, or as one each
			behavior, size := protowire.ConsumeVarint(raw)
			if size < 0 {
				break
			}
			if behavior == behaviorRequired {
				return true
			}
			raw = raw[size:]
		}
	}
	return false
}

// FormatOf returns the format of a field's text, FormatNone where it has none that is known here, or is no text.
func FormatOf(field protoreflect.FieldDescriptor) Format {
	if field.Kind() != protoreflect.StringKind || field.IsMap() {
		return FormatNone
	}
	format := FormatNone
	for _, info := range RawFields(field.Options(), fieldInfo) {
		for _, raw := range rawFieldsIn(info, infoFormat) {
			if n, size := protowire.ConsumeVarint(raw); size > 0 && n <= uint64(FormatIP) {
				format = Format(n)
			}
		}
	}
	return format
}
