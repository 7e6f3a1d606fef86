package encoded

import (
	"cmp"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoiface"
)

// message is a message with its encoded form, which a codec for protos copies instead of encoding
// the message again.
type message struct {
	protoreflect.Message // of the original
	bytes                []byte
}

// ProtoReflect implements [proto.Message].
func (m *message) ProtoReflect() protoreflect.Message { return m }

// ProtoMethods implements [protoreflect.Message].
func (m *message) ProtoMethods() *protoiface.Methods { return methods }

// methods are the functions by which package proto encodes a message.
var methods = &protoiface.Methods{
	Size: func(in protoiface.SizeInput) protoiface.SizeOutput {
		return protoiface.SizeOutput{Size: len(in.Message.(*message).bytes)}
	},
	Marshal: func(in protoiface.MarshalInput) (protoiface.MarshalOutput, error) {
		return protoiface.MarshalOutput{Buf: append(in.Buf, in.Message.(*message).bytes...)}, nil
	},
	CheckInitialized: func(protoiface.CheckInitializedInput) (protoiface.CheckInitializedOutput, error) {
		return protoiface.CheckInitializedOutput{}, nil // otherwise it would not be encoded
	},
}

// Encode makes s, which must be empty, the message msg, encoded now, for sending it to any number
// of streams. The error is why it cannot be encoded, such as text that is not UTF-8.
func (s *Shared[T]) Encode(msg *T) (err error) {
	original := any(msg).(proto.Message)
	s.msg, s.variants.original, s.variants.msg = msg, msg, &s.variants.encoded
	s.variants.encoded.Message = original.ProtoReflect()
	if s.variants.encoded.bytes, err = proto.Marshal(original); err != nil {
		// Package proto does not name the field.
		return cmp.Or(NewChecker(original.ProtoReflect().Descriptor()).Check(original), err)
	}
	return nil
}

// Size returns the size of a message of [Shared.Encode] in bytes.
func (s *Shared[T]) Size() int { return len(s.variants.encoded.bytes) }

// shareFrom is the number of streams from which it is cheaper to prepare a message for grpc once.
// With fewer, that costs more than it saves; see benchmarks.
const shareFrom = 3

// SendTo states how many streams will send a message of [Shared.Encode], before the first of them
// does.
func (s *Shared[T]) SendTo(streams int) { s.variants.few = streams < shareFrom }
