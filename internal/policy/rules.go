package policy

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// bufValidate is the number of the protovalidate extensions: buf.validate.field, buf.validate.oneof
// and buf.validate.message. The runtime itself checks the extensions of google.api.
const bufValidate protoreflect.FieldNumber = 1159

// hasRules reports whether a message, or one that it may contain, has validation rules.
func (p *Policies) hasRules(message protoreflect.MessageDescriptor) bool {
	seen := map[protoreflect.FullName]bool{message.FullName(): true}
	queue := []protoreflect.MessageDescriptor{message}
	for ; len(queue) > 0; queue = queue[1:] {
		if p.hasOwnRules(queue[0]) {
			return true
		}
		for i := range queue[0].Fields().Len() {
			held := queue[0].Fields().Get(i).Message()
			if held != nil && !seen[held.FullName()] {
				seen[held.FullName()] = true
				queue = append(queue, held)
			}
		}
	}
	return false
}

// hasOwnRules reports whether a message itself has rules, ignoring the messages that it contains.
func (p *Policies) hasOwnRules(message protoreflect.MessageDescriptor) bool {
	has, known := p.ruled[message.FullName()]
	if !known {
		has = findRules(message)
		p.ruled[message.FullName()] = has
	}
	return has
}

func findRules(message protoreflect.MessageDescriptor) bool {
	if len(policy.RawFields(message.Options(), bufValidate)) > 0 {
		return true
	}
	for i := range message.Oneofs().Len() {
		if len(policy.RawFields(message.Oneofs().Get(i).Options(), bufValidate)) > 0 {
			return true
		}
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if len(policy.RawFields(field.Options(), bufValidate)) > 0 || policy.IsRequired(field) || policy.FormatOf(field) != policy.FormatNone {
			return true
		}
	}
	return false
}
