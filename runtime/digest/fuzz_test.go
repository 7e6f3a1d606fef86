package digest_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// FuzzOf digests whatever a server may be sent, known and unknown: what comes of it does not depend
// on how often it was encoded again, nor on which of two fields came first.
func FuzzOf(f *testing.F) {
	f.Add(encode(f, parse(f, compile(f, versions).ByName("New"), full)))
	f.Add([]byte("\x0a\x02\x0a\x00\x12\x01x"))
	f.Add([]byte("\x43\x0a\x01G\x44"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, msg := range []proto.Message{&emptypb.Empty{}, &structpb.Struct{}, &anypb.Any{}, &descriptorpb.FileDescriptorProto{}} {
			if proto.Unmarshal(wire, msg) != nil {
				continue
			}
			again := msg.ProtoReflect().New().Interface()
			if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(encodePartial(t, msg), again); err != nil {
				t.Fatal(err)
			}
			if of(t, again) != of(t, msg) {
				t.Fatalf("%T: encoded again it has another digest", msg)
			}
		}
		a, b, ok := twoFields(wire)
		if ok && of(t, unknown(a, b)) != of(t, unknown(b, a)) {
			t.Fatal("the order of two fields tells")
		}
	})
}

// twoFields returns the fields of a message that has two of different numbers.
func twoFields(wire []byte) (a, b []byte, ok bool) {
	num, _, n := protowire.ConsumeField(wire)
	if n < 0 {
		return nil, nil, false
	}
	next, _, m := protowire.ConsumeField(wire[n:])
	return wire[:n], wire[n:], m > 0 && num != next && n+m == len(wire)
}

// unknown returns a message whose fields the server does not know.
func unknown(fields ...[]byte) proto.Message {
	msg := &emptypb.Empty{}
	msg.ProtoReflect().SetUnknown(join(fields...))
	return msg
}

func encodePartial(t testing.TB, msg proto.Message) []byte {
	t.Helper()
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}
