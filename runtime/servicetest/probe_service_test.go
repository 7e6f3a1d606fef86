package servicetest

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// text is the message of all RPCs here.
type text = wrapperspb.StringValue

// kinds is what the plugin would generate for a service with an RPC of each kind.
type kinds interface {
	One(context.Context, *text) (*text, error)
	Many(context.Context, *text) runtime.Stream[text]
	Join(context.Context, runtime.Stream[text]) (*text, error)
	Chat(context.Context, runtime.Stream[text]) runtime.Stream[text]
}

const kindsName = "test.v1.Kinds"

var kindsTable = runtime.NewService(kindsName, wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("One", kinds.One, runtime.Policy{}),
	runtime.ServerStream("Many", kinds.Many, runtime.Policy{}),
	runtime.ClientStream("Join", kinds.Join, runtime.Policy{}),
	runtime.Bidi("Chat", kinds.Chat, runtime.Policy{}),
)

// kindsDescriptor describes the service as its proto would.
var kindsDescriptor = mustFile(`
	name: "test/v1/kinds.proto" package: "test.v1" syntax: "proto3" dependency: "google/protobuf/wrappers.proto"
	service {
		name: "Kinds"
		method { name: "One"  input_type: ".google.protobuf.StringValue" output_type: ".google.protobuf.StringValue" }
		method { name: "Many" input_type: ".google.protobuf.StringValue" output_type: ".google.protobuf.StringValue" server_streaming: true }
		method { name: "Join" input_type: ".google.protobuf.StringValue" output_type: ".google.protobuf.StringValue" client_streaming: true }
		method { name: "Chat" input_type: ".google.protobuf.StringValue" output_type: ".google.protobuf.StringValue" client_streaming: true server_streaming: true }
	}`).Services().ByName("Kinds")

// mustFile builds a file descriptor from its text format.
func mustFile(text string) protoreflect.FileDescriptor {
	proto := new(descriptorpb.FileDescriptorProto)
	if err := prototext.Unmarshal([]byte(text), proto); err != nil {
		panic(err)
	}
	file, err := protodesc.NewFile(proto, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return file
}

// funcs implements kinds with functions; a missing one returns UNIMPLEMENTED.
type funcs struct {
	one  func(context.Context, *text) (*text, error)
	many func(context.Context, *text) runtime.Stream[text]
	join func(context.Context, runtime.Stream[text]) (*text, error)
	chat func(context.Context, runtime.Stream[text]) runtime.Stream[text]
}

func (f funcs) One(ctx context.Context, req *text) (*text, error) {
	if f.one == nil {
		return nil, runtime.Unimplemented(kindsName, "One")
	}
	return f.one(ctx, req)
}

func (f funcs) Many(ctx context.Context, req *text) runtime.Stream[text] {
	if f.many == nil {
		return runtime.Fail[text](runtime.Unimplemented(kindsName, "Many"))
	}
	return f.many(ctx, req)
}

func (f funcs) Join(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
	if f.join == nil {
		return nil, runtime.Unimplemented(kindsName, "Join")
	}
	return f.join(ctx, reqs)
}

func (f funcs) Chat(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
	if f.chat == nil {
		return runtime.Fail[text](runtime.Unimplemented(kindsName, "Chat"))
	}
	return f.chat(ctx, reqs)
}

// everyKind is a service whose RPCs all do the same.
func everyKind(do func(context.Context) error) funcs {
	fail := func(ctx context.Context) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			if err := do(ctx); err != nil {
				yield(nil, err)
			}
		}
	}
	return funcs{
		one:  func(ctx context.Context, _ *text) (*text, error) { return new(text), do(ctx) },
		many: func(ctx context.Context, _ *text) runtime.Stream[text] { return fail(ctx) },
		join: func(ctx context.Context, _ runtime.Stream[text]) (*text, error) { return new(text), do(ctx) },
		chat: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] { return fail(ctx) },
	}
}

func register(impl kinds) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) { server.Register[kinds](r, kindsTable, impl) }
}

// fakeT is a test that can fail without failing the test that runs it.
type fakeT struct {
	testing.TB
	failures []string
	logs     []string
	cleanups []func()
}

func (t *fakeT) Helper()          {}
func (t *fakeT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// end runs the cleanup functions, as the end of a test does.
func (t *fakeT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
