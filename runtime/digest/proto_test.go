package digest_test

import (
	"context"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// compile returns the messages of a proto, given as the text below its syntax line.
func compile(t testing.TB, body string) protoreflect.MessageDescriptors {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"t.proto": "edition = \"2023\";\npackage t;\n" + body}),
	})}
	files, err := compiler.Compile(context.Background(), "t.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages()
}

// parse returns a message of type desc from its text.
func parse(t testing.TB, desc protoreflect.MessageDescriptor, text string) proto.Message {
	t.Helper()
	msg := dynamicpb.NewMessage(desc)
	if err := prototext.Unmarshal([]byte(text), msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

// encode returns a message as a client sends it, its maps in any order.
func encode(t testing.TB, msg proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// decode returns what a server reads that knows the message as desc.
func decode(t testing.TB, desc protoreflect.MessageDescriptor, wire []byte) proto.Message {
	t.Helper()
	msg := dynamicpb.NewMessage(desc)
	if err := proto.Unmarshal(wire, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}
