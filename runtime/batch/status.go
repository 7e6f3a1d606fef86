package batch

import (
	"fmt"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// statusField is the field of an item for its error: a google.rpc.Status, or a message with a
// code and a message of the same types.
type statusField struct {
	field         protoreflect.FieldDescriptor
	google        bool
	code, message protoreflect.FieldDescriptor // if it is not a google.rpc.Status
}

// findStatus finds the status of items like item.
func findStatus(item protoreflect.Message, name string) (*statusField, error) {
	desc := item.Descriptor()
	s := &statusField{field: desc.Fields().ByName(protoreflect.Name(name))}
	if s.field == nil || s.field.Message() == nil || s.field.IsList() || s.field.IsMap() {
		return nil, fmt.Errorf("%s has no status %q", desc.FullName(), name)
	}
	if _, s.google = item.NewField(s.field).Message().Interface().(*spb.Status); s.google {
		return s, nil
	}
	fields := s.field.Message().Fields()
	s.code, s.message = fields.ByName("code"), fields.ByName("message")
	if s.code == nil || !codeOf(s.code).IsValid() || s.message == nil || s.message.Kind() != protoreflect.StringKind || s.message.IsList() {
		return nil, fmt.Errorf("%s is not a status: it needs a numeric code and a string message", s.field.Message().FullName())
	}
	return s, nil
}

// codeOf returns OK as a value of a field, or an invalid value if the field cannot hold codes.
func codeOf(fd protoreflect.FieldDescriptor) protoreflect.Value { return codeValue(fd, codes.OK) }

// codeValue returns a code as a value of a field.
func codeValue(fd protoreflect.FieldDescriptor, code codes.Code) protoreflect.Value {
	switch {
	case fd.IsList():
	case fd.Enum() != nil:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(code))
	case holds(fd.Kind(), int32(0)):
		return protoreflect.ValueOfInt32(int32(code))
	case holds(fd.Kind(), int64(0)):
		return protoreflect.ValueOfInt64(int64(code))
	case holds(fd.Kind(), uint32(0)):
		return protoreflect.ValueOfUint32(uint32(code))
	}
	return protoreflect.Value{}
}

// codeIn returns the code that a field holds.
func codeIn(v protoreflect.Value) codes.Code {
	switch code := v.Interface().(type) {
	case protoreflect.EnumNumber:
		return codes.Code(code)
	case int32:
		return codes.Code(code)
	case int64:
		return codes.Code(code)
	case uint32:
		return codes.Code(code)
	}
	return codes.Unknown
}

// set writes st to an item.
func (s *statusField) set(item protoreflect.Message, st *status.Status) {
	if s.google {
		item.Set(s.field, protoreflect.ValueOfMessage(st.Proto().ProtoReflect()))
		return
	}
	to := item.Mutable(s.field).Message()
	to.Set(s.code, codeValue(s.code, st.Code()))
	to.Set(s.message, protoreflect.ValueOfString(st.Message()))
}

// shortMessage is the maximum size in bytes of a shortened status message.
const shortMessage = 80

// shorten reduces the status of an item to its code and the start of its message.
func (s *statusField) shorten(item protoreflect.Message) {
	st := status.Convert(s.get(item))
	message := st.Message()
	if len(message) > shortMessage {
		message = strings.ToValidUTF8(message[:shortMessage], "") + "..."
	}
	s.set(item, status.New(st.Code(), message))
}

// get returns the status of an item as an error; nil if it is OK or unset.
func (s *statusField) get(item protoreflect.Message) error {
	if !item.Has(s.field) {
		return nil
	}
	from := item.Get(s.field).Message()
	if s.google {
		return status.FromProto(from.Interface().(*spb.Status)).Err()
	}
	return status.Error(codeIn(from.Get(s.code)), from.Get(s.message).String())
}
