package prune

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// holder is what options belong to.
type holder int

const (
	ofMessage holder = iota
	ofField
	ofOneof
	ofEnum
	ofValue
)

// optionsOf returns the message of the options of a declaration, and the numbers of those that
// change whether protodesc accepts it: the features of editions, message_set_wire_format, and
// allow_alias.
func optionsOf(h holder) (message protoreflect.MessageDescriptor, special []protowire.Number) {
	switch h {
	case ofMessage:
		return (*descriptorpb.MessageOptions)(nil).ProtoReflect().Descriptor(), []protowire.Number{12, 1}
	case ofField:
		return (*descriptorpb.FieldOptions)(nil).ProtoReflect().Descriptor(), []protowire.Number{21}
	case ofOneof:
		return (*descriptorpb.OneofOptions)(nil).ProtoReflect().Descriptor(), []protowire.Number{1}
	case ofEnum:
		return (*descriptorpb.EnumOptions)(nil).ProtoReflect().Descriptor(), []protowire.Number{7, 2}
	default:
		return (*descriptorpb.EnumValueOptions)(nil).ProtoReflect().Descriptor(), []protowire.Number{2}
	}
}

// isPlainOptions reports whether options decode and have no influence on protodesc.
func isPlainOptions(h holder, raw []byte) bool {
	if len(raw) == 0 {
		return true
	}
	message, special := optionsOf(h)
	for _, number := range special {
		if has(raw, number) {
			return false
		}
	}
	return isValid(message, raw, maxDepth)
}

// ourOption is the number of the options of this project, the same for services, methods and enums.
var ourOption = grpcservicev1.E_Method.TypeDescriptor().Number()

// rules states whether a message has validation rules.
type rules int8

const (
	noRules rules = iota
	mayHaveRules
	hasRules
)

// The numbers of the extensions with validation rules, which findRules of package policy reads.
const (
	bufValidate      = 1159
	fieldBehavior    = 1052
	fieldInfo        = 291403980
	behaviorRequired = 2
)

// rulesOf reports whether the options of a message, of a oneof or of a field have rules.
func rulesOf(options []byte, isOfField bool) (found rules) {
	for len(options) > 0 {
		f, ok := next(&options)
		switch {
		case !ok:
			return max(found, mayHaveRules)
		case f.number == bufValidate:
			return hasRules
		case !isOfField:
		case f.number == fieldInfo:
			found = max(found, mayHaveRules)
		case f.number == fieldBehavior:
			found = max(found, behaviorsOf(f))
		}
	}
	return found
}

// behaviorsOf reports whether REQUIRED is among the behaviors of a field.
func behaviorsOf(f field) rules {
	if f.isVarint && varint(f) == behaviorRequired {
		return hasRules
	}
	for list := f.value; len(list) > 0; {
		behavior, size := protowire.ConsumeVarint(list)
		if size < 0 {
			return mayHaveRules
		}
		if behavior == behaviorRequired {
			return hasRules
		}
		list = list[size:]
	}
	return noRules
}
