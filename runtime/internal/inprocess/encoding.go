package inprocess

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// encode returns a message as grpc would send it. It appends it to buf.
func encode(buf []byte, msg any) ([]byte, error) {
	m, err := messageOf(msg)
	if err != nil {
		return nil, err
	}
	data, err := proto.MarshalOptions{}.MarshalAppend(buf, m)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return data, nil
}

// decode reads a message, which keeps nothing of data.
func decode(data []byte, into any) error {
	m, err := messageOf(into)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return nil
}

func messageOf(msg any) (proto.Message, error) {
	switch m := msg.(type) {
	case proto.Message:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	}
	return nil, status.Errorf(codes.Internal, "a message of type %T is no proto message; use a network for other codecs", msg)
}

// buffer holds an encoded message.
type buffer struct{ data []byte }

// buffers are those that are not in use. As in grpc, a message is decoded before its buffer is used
// again.
var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 256)} }}

// maxKept is the size in bytes of the largest buffer that is used again.
const maxKept = 64 << 10

// encoded returns msg in a buffer.
func encoded(msg any) (*buffer, error) {
	b := buffers.Get().(*buffer)
	data, err := encode(b.data[:0], msg)
	if err != nil {
		b.release()
		return nil, err
	}
	b.data = data
	return b, nil
}

// release makes the buffer available to other calls. nil is none.
func (b *buffer) release() {
	if b != nil && cap(b.data) <= maxKept {
		buffers.Put(b)
	}
}
