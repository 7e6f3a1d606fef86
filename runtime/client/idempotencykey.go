package client

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
)

// filledField returns the field that the calls of an RPC fill with an idempotency key where their request has none (AIP-4235): a
// text at the top of the request, which the proto does not demand of callers. It is nil where there is none to fill.
func filledField(info runtime.MethodInfo) protoreflect.FieldDescriptor {
	id := info.Policy.IdempotencyKey
	if id.Field == "" || id.Required || info.Kind != runtime.KindUnary || info.Descriptor == nil {
		return nil
	}
	field := info.Descriptor.Input().Fields().ByName(protoreflect.Name(id.Field))
	if field == nil || field.IsList() || field.Kind() != protoreflect.StringKind {
		return nil
	}
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		return nil // to set it would clear what the caller has set
	}
	return field
}

// withID returns req, or a copy of it that has a new idempotency key, where it has none.
func withID[Req any](field protoreflect.FieldDescriptor, req *Req) *Req {
	msg, ok := any(req).(proto.Message)
	if !ok {
		return req
	}
	from := msg.ProtoReflect()
	if from.Descriptor() != field.ContainingMessage() || from.Has(field) { // that it is there, although empty, is said on purpose
		return req
	}
	filled := new(Req)
	to := any(filled).(proto.Message).ProtoReflect()
	from.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(fd, value) // what is in lists, maps and messages is shared: a request is only read
		return true
	})
	if unknown := from.GetUnknown(); len(unknown) > 0 {
		to.SetUnknown(unknown)
	}
	to.Set(field, protoreflect.ValueOfString(uuid.New()))
	return filled
}
