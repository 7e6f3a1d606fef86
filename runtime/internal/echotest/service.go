// Package echotest has a service with an RPC of each kind for the tests of several packages. Its
// helpers serve the service, call it, and check the results.
package echotest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
)

// Main runs the tests of a package. It keeps the logs of servers without WithLogger out of their
// output.
func Main(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := register(); err != nil {
		panic(err)
	}
	go watchdog()
	m.Run()
}

// Text is the message of all RPCs of the service.
type Text = wrapperspb.StringValue

// RetryQuickly is the policy of a method that is called three times at most.
var RetryQuickly = runtime.Policy{Idempotency: runtime.NoSideEffects, Retry: runtime.Retry{MaxAttempts: 3,
	InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, Multiplier: 1, Codes: []string{"UNAVAILABLE"}}}

// register registers the proto of the service, as generated code does.
func register() error {
	message := proto.String(".google.protobuf.StringValue")
	method := func(name string, fromClient, fromServer bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: message, OutputType: message, ClientStreaming: &fromClient, ServerStreaming: &fromServer,
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/echo.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Echo"), Method: []*descriptorpb.MethodDescriptorProto{
			method("One", false, false), method("Many", false, true), method("Join", true, false), method("Chat", true, true),
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
}

// Service is what the plugin would generate for a service with an RPC of each kind.
type Service interface {
	One(context.Context, *Text) (*Text, error)
	Many(context.Context, *Text) runtime.Stream[Text]
	Join(context.Context, runtime.Stream[Text]) (*Text, error)
	Chat(context.Context, runtime.Stream[Text]) runtime.Stream[Text]
}

// Name is the full name of the service.
const Name = "test.v1.Echo"

// Table describes the service. Its methods have no policy.
var Table = runtime.NewService(Name, wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("One", Service.One, runtime.Policy{}),
	runtime.ServerStream("Many", Service.Many, runtime.Policy{}),
	runtime.ClientStream("Join", Service.Join, runtime.Policy{}),
	runtime.Bidi("Chat", Service.Chat, runtime.Policy{}),
)

// Funcs implements Service with functions. A method without one returns UNIMPLEMENTED.
type Funcs struct {
	OneFunc  func(context.Context, *Text) (*Text, error)
	ManyFunc func(context.Context, *Text) runtime.Stream[Text]
	JoinFunc func(context.Context, runtime.Stream[Text]) (*Text, error)
	ChatFunc func(context.Context, runtime.Stream[Text]) runtime.Stream[Text]
}

func (f Funcs) One(ctx context.Context, req *Text) (*Text, error) {
	if f.OneFunc == nil {
		return nil, runtime.Unimplemented(Name, "One")
	}
	return f.OneFunc(ctx, req)
}

func (f Funcs) Many(ctx context.Context, req *Text) runtime.Stream[Text] {
	if f.ManyFunc == nil {
		return runtime.Fail[Text](runtime.Unimplemented(Name, "Many"))
	}
	return f.ManyFunc(ctx, req)
}

func (f Funcs) Join(ctx context.Context, reqs runtime.Stream[Text]) (*Text, error) {
	if f.JoinFunc == nil {
		return nil, runtime.Unimplemented(Name, "Join")
	}
	return f.JoinFunc(ctx, reqs)
}

func (f Funcs) Chat(ctx context.Context, reqs runtime.Stream[Text]) runtime.Stream[Text] {
	if f.ChatFunc == nil {
		return runtime.Fail[Text](runtime.Unimplemented(Name, "Chat"))
	}
	return f.ChatFunc(ctx, reqs)
}

// Behaving returns an implementation all of whose methods do the same.
func Behaving(do func(context.Context) error) Funcs {
	answer := func(ctx context.Context) (*Text, error) {
		if err := do(ctx); err != nil {
			return nil, err
		}
		return wrapperspb.String("done"), nil
	}
	after := func(ctx context.Context, reqs runtime.Stream[Text]) (*Text, error) {
		for _, err := range reqs {
			if err != nil {
				return nil, err
			}
		}
		return answer(ctx)
	}
	return Funcs{
		OneFunc: func(ctx context.Context, _ *Text) (*Text, error) { return answer(ctx) },
		ManyFunc: func(ctx context.Context, _ *Text) runtime.Stream[Text] {
			return func(yield func(*Text, error) bool) { yield(answer(ctx)) }
		},
		JoinFunc: after,
		ChatFunc: func(ctx context.Context, reqs runtime.Stream[Text]) runtime.Stream[Text] {
			return func(yield func(*Text, error) bool) { yield(after(ctx, reqs)) }
		},
	}
}

// TableWith returns a table of the service whose methods all have the policy.
func TableWith(p runtime.Policy) *runtime.Service[Service] {
	return runtime.NewService(Name, wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("One", Service.One, p),
		runtime.ServerStream("Many", Service.Many, p),
		runtime.ClientStream("Join", Service.Join, p),
		runtime.Bidi("Chat", Service.Chat, p),
	)
}
