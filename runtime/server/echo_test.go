package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestMain keeps the records of servers without a logger of their own out of the output.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := registerEcho(); err != nil {
		panic(err)
	}
	m.Run()
}

// registerEcho makes the echo service's proto known to the program, as generated code does for its own.
func registerEcho() error {
	message := proto.String(".google.protobuf.StringValue")
	method := func(name string, stub, host bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: message, OutputType: message, ClientStreaming: &stub, ServerStreaming: &host,
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

// text is the message of all RPCs here.
type text = wrapperspb.StringValue

// echoService is what would be generated for a service with an RPC of each kind.
type echoService interface {
	One(context.Context, *text) (*text, error)
	Many(context.Context, *text) runtime.Stream[text]
	Join(context.Context, runtime.Stream[text]) (*text, error)
	Chat(context.Context, runtime.Stream[text]) runtime.Stream[text]
}

const echoName = "test.v1.Echo"

var echoTable = runtime.NewService(echoName, wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("One", echoService.One, runtime.Policy{}),
	runtime.ServerStream("Many", echoService.Many, runtime.Policy{}),
	runtime.ClientStream("Join", echoService.Join, runtime.Policy{}),
	runtime.Bidi("Chat", echoService.Chat, runtime.Policy{}),
)

// echoFuncs is an echoService made of functions; a missing one answers UNIMPLEMENTED.
type echoFuncs struct {
	one  func(context.Context, *text) (*text, error)
	many func(context.Context, *text) runtime.Stream[text]
	join func(context.Context, runtime.Stream[text]) (*text, error)
	chat func(context.Context, runtime.Stream[text]) runtime.Stream[text]
}

func (f echoFuncs) One(ctx context.Context, req *text) (*text, error) {
	if f.one == nil {
		return nil, runtime.Unimplemented(echoName, "One")
	}
	return f.one(ctx, req)
}

func (f echoFuncs) Many(ctx context.Context, req *text) runtime.Stream[text] {
	if f.many == nil {
		return runtime.Fail[text](runtime.Unimplemented(echoName, "Many"))
	}
	return f.many(ctx, req)
}

func (f echoFuncs) Join(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
	if f.join == nil {
		return nil, runtime.Unimplemented(echoName, "Join")
	}
	return f.join(ctx, reqs)
}

func (f echoFuncs) Chat(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
	if f.chat == nil {
		return runtime.Fail[text](runtime.Unimplemented(echoName, "Chat"))
	}
	return f.chat(ctx, reqs)
}

// running is a server that a test has started.
type running struct {
	*server.Server
	conn *grpc.ClientConn
	end  func() error // cancels Serve's context and returns what Serve returned
}

// start serves over an in-memory connection until the test ends.
func start(t *testing.T, register func(*server.Server), opts ...server.Option) *running {
	t.Helper()
	srv := server.New(append([]server.Option{server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	register(srv)
	lis := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn := dial(t, lis)
	end := sync.OnceValue(func() error {
		cancel()
		return within(t, served)
	})
	t.Cleanup(func() { _ = end() })
	return &running{Server: srv, conn: conn, end: end}
}

// dial connects to lis until the test ends.
func dial(t testing.TB, lis *bufconn.Listener) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// serve serves a server of grpc's own over an in-memory connection until the test ends.
func serve(t *testing.T, srv *grpc.Server) *grpc.ClientConn {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	go srv.Serve(lis) // ends with Stop
	t.Cleanup(srv.Stop)
	return dial(t, lis)
}

// startForFuzz serves over an in-memory connection until the fuzzing ends.
func startForFuzz(f *testing.F, srv *server.Server) *grpc.ClientConn {
	f.Helper()
	lis := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	f.Cleanup(cancel)
	go srv.Serve(ctx, lis) // ends with ctx
	return dial(f, lis)
}

// startEcho starts a server of impl.
func startEcho(t *testing.T, impl echoService, opts ...server.Option) *running {
	t.Helper()
	return start(t, func(srv *server.Server) { server.Register[echoService](srv, echoTable, impl) }, opts...)
}

// within receives from ch, or fails the test where nothing comes.
func within[T any](t *testing.T, ch <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-ch:
	case <-time.After(20 * time.Second):
		t.Error("nothing came within 20 s")
	}
	return got
}

// testContext ends the test's calls where the code under test does not.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// endOf makes the regular end of a stream no error.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
