package policy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// RawFields returns the values of a field number in an encoded message: the content of
// length-delimited values, and the encoding of others. It reads extensions whether or not their
// types are linked in.
func RawFields(m proto.Message, number protoreflect.FieldNumber) [][]byte {
	if m == nil || !m.ProtoReflect().IsValid() {
		return nil
	}
	raw, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	if err != nil {
		return nil // it was decoded, so it can be encoded
	}
	return rawFieldsIn(raw, number)
}

// rawFieldsIn is RawFields for an encoded message.
func rawFieldsIn(raw []byte, number protoreflect.FieldNumber) (fields [][]byte) {
	for len(raw) > 0 {
		n, kind, tag := protowire.ConsumeTag(raw)
		size := tag
		if tag > 0 {
			size = protowire.ConsumeFieldValue(n, kind, raw[tag:])
		}
		if size < 0 {
			return fields
		}
		if n == number {
			fields = append(fields, content(kind, raw[tag:tag+size]))
		}
		raw = raw[tag+size:]
	}
	return fields
}

// content returns the content of a field's value.
func content(kind protowire.Type, value []byte) []byte {
	if kind != protowire.BytesType {
		return value
	}
	inner, _ := protowire.ConsumeBytes(value)
	return inner
}
