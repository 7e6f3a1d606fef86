package client

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
)

// filledField returns the field that calls of an RPC set to a new idempotency key if the request
// has none (AIP-4235): a top-level string field that the proto does not require. It returns nil
// if there is none.
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
		return nil // setting it would clear another field of the oneof
	}
	return field
}

// withID returns req, or a copy of it with a new idempotency key if it has none.
func withID[Req any](field protoreflect.FieldDescriptor, req *Req) *Req {
	msg, ok := any(req).(proto.Message)
	if !ok {
		return req
	}
	from := msg.ProtoReflect()
	if from.Descriptor() != field.ContainingMessage() || from.Has(field) { // an empty key that is present is deliberate
		return req
	}
	filled := new(Req)
	to := any(filled).(proto.Message).ProtoReflect()
	from.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(fd, value) // a shallow copy is enough: requests are only read
		return true
	})
	if unknown := from.GetUnknown(); len(unknown) > 0 {
		to.SetUnknown(unknown)
	}
	to.Set(field, protoreflect.ValueOfString(uuid.New()))
	return filled
}
