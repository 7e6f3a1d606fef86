package policy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The extensions of google.api that define what a field must hold. Their numbers are registered
// for all of protobuf; reading them does not require their Go packages.
const (
	resource      protoreflect.FieldNumber = 1053      // google.api.resource (AIP-123)
	fieldBehavior protoreflect.FieldNumber = 1052      // google.api.field_behavior (AIP-203)
	fieldInfo     protoreflect.FieldNumber = 291403980 // google.api.field_info (AIP-202)

	infoFormat = 1 // google.api.FieldInfo.format
	nameField  = 3 // google.api.ResourceDescriptor.name_field
)

// Behaviors is the set of a field's behaviors (AIP-203).
type Behaviors uint64

// The behaviors that define what a request must hold, by their numbers in
// google.api.FieldBehavior.
const (
	BehaviorRequired   Behaviors = 1 << 2
	BehaviorOutputOnly Behaviors = 1 << 3
	BehaviorIdentifier Behaviors = 1 << 8
)

// Has reports whether a set contains all behaviors of another.
func (b Behaviors) Has(others Behaviors) bool { return b&others == others }

// BehaviorsOf returns the behaviors of a field.
func BehaviorsOf(field protoreflect.FieldDescriptor) (set Behaviors) {
	for _, raw := range RawFields(field.Options(), fieldBehavior) {
		for len(raw) > 0 { // a list is encoded as one field, or as one each
			behavior, size := protowire.ConsumeVarint(raw)
			if size < 0 {
				break
			}
			if behavior < 64 {
				set |= 1 << behavior
			}
			raw = raw[size:]
		}
	}
	return set
}

// IsRequired reports whether a field has the behavior REQUIRED.
func IsRequired(field protoreflect.FieldDescriptor) bool {
	return BehaviorsOf(field).Has(BehaviorRequired)
}

// NameFieldOf returns the field with the resource name of a message (AIP-123), or nil if the
// message is not a resource.
func NameFieldOf(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	options := RawFields(message.Options(), resource)
	if len(options) == 0 {
		return nil
	}
	name := protoreflect.Name("name")
	for _, option := range options {
		for _, said := range rawFieldsIn(option, nameField) {
			name = protoreflect.Name(said)
		}
	}
	return message.Fields().ByName(name)
}

// Format is the format of a string field, by google.api.field_info.
type Format uint64

// The formats, by their numbers in google.api.FieldInfo.Format.
const (
	FormatNone Format = iota
	FormatUUID4
	FormatIPv4
	FormatIPv6
	FormatIP
)

// FormatOf returns the format of a string field, or FormatNone if it has none that is known here
// or is not a string.
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
