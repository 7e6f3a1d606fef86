package policy

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// unknown finds fields of a newer options.proto that this version does not know and could not
// enforce.
func (f *faults) unknown(field string, m proto.Message) {
	msg := m.ProtoReflect()
	if !msg.IsValid() {
		return
	}
	if len(msg.GetUnknown()) > 0 {
		f.add(field, "it has fields that this version of grpcservice does not know; update the plugin and the runtime")
	}
	msg.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				f.unknown(fmt.Sprintf("%s[%d]", fd.Name(), i), v.List().Get(i).Message().Interface())
			}
		case fd.Message() != nil:
			f.unknown(string(fd.Name()), v.Message().Interface())
		}
		return true
	})
}

// enumNumber checks that a number is a value of its enum.
func (f *faults) enumNumber(field string, e protoreflect.EnumDescriptor, number protoreflect.EnumNumber) {
	if e.Values().ByNumber(number) == nil {
		f.add(field, "%d is not a value of %s", number, e.FullName())
	}
}
