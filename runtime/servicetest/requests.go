package servicetest

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/prototext"
	protomsg "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// request is a message as sent on the wire.
type request struct {
	bytes []byte
	text  string // for the reader of a finding
}

var emptyRequest = request{text: "an empty request"}

// badRequests do not decode as any message.
var badRequests = []request{
	badRequest(bytes.Repeat([]byte{0xff}, 64)), // an unterminated field number
	badRequest([]byte{0x0f}),                   // an invalid wire type
	badRequest([]byte{0x0a, 0x7f, 'x'}),        // a length of 127 bytes, followed by one
}

func badRequest(b []byte) request {
	return request{bytes: b, text: fmt.Sprintf("the bytes % x, which are no message", b)}
}

// filledRequests returns messages with extreme values in each of the styles, and with each arm of
// each oneof at least once.
func filledRequests(message protoreflect.MessageDescriptor) (requests []request) {
	for i := range max(len(styles), arms(message, make(map[protoreflect.FullName]bool))) {
		msg := dynamicpb.NewMessage(message)
		filler{style: i, arm: i}.fill(msg, fillBudget, fillDepth)
		text := prototext.MarshalOptions{AllowPartial: true}.Format(msg)
		text = strings.ReplaceAll(text, longText, fmt.Sprintf("(%d characters)", len(longText)))
		b, err := protomsg.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(msg)
		if err != nil { // a bug in the filler
			panic(fmt.Sprintf("servicetest: cannot encode a %s: %v", message.FullName(), err))
		}
		requests = append(requests, request{bytes: b, text: fmt.Sprintf("the request {%.2000s}", text)})
	}
	return requests
}

// rawCodec sends and receives raw bytes.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return proto.Name }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
