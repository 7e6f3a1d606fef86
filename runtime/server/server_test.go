package server_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestMisuseIsAnErrorFromRun(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	missing := filepath.Join(t.TempDir(), "server.crt")
	var typedNil *echotest.Funcs
	for name, test := range map[string]struct {
		addr     string
		opts     []server.Option
		register func(*server.Server)
		want     []string
	}{
		"registered twice": {register: func(s *server.Server) {
			server.Register[echotest.Service](s, echotest.Table, echotest.Funcs{})
			server.Register[echotest.Service](s, echotest.Table, echotest.Funcs{})
		}, want: []string{"test.v1.Echo: registered twice"}},
		"nil": {register: func(s *server.Server) { server.Register[echotest.Service](s, echotest.Table, nil) },
			want: []string{"test.v1.Echo: the implementation is nil"}},
		"typed nil": {register: func(s *server.Server) { server.Register[echotest.Service](s, echotest.Table, typedNil) },
			want: []string{"test.v1.Echo: the implementation is nil"}},
		"foreign nil": {register: func(s *server.Server) { s.RegisterService(&healthpb.Health_ServiceDesc, nil) },
			want: []string{"grpc.health.v1.Health: the implementation is nil"}},
		"foreign of another type": {register: func(s *server.Server) { s.RegisterService(&healthpb.Health_ServiceDesc, 7) },
			want: []string{"int does not implement grpc_health_v1.HealthServer"}},
		"a second health service": {register: func(s *server.Server) { // the first takes the place of the server's
			healthpb.RegisterHealthServer(s, healthpb.UnimplementedHealthServer{})
			healthpb.RegisterHealthServer(s, healthpb.UnimplementedHealthServer{})
		}, want: []string{"grpc.health.v1.Health: registered twice"}},
		"certificate": {opts: []server.Option{server.WithTLSFiles(missing, "server.key")},
			want: []string{missing, "no such file"}},
		"negative times": {opts: []server.Option{
			server.WithDefaultTimeout(-1), server.WithDrainDelay(-2), server.WithShutdownTimeout(-3),
		}, want: []string{"WithDefaultTimeout(-1ns)", "WithDrainDelay(-2ns)", "WithShutdownTimeout(-3ns)"}},
		"port in use": {addr: taken.Addr().String(), want: []string{taken.Addr().String(), "address already in use"}},
		"no address":  {addr: "nonsense", want: []string{"nonsense"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := server.New(test.opts...)
			if test.register != nil {
				test.register(srv)
			}
			if test.addr == "" {
				test.addr = "127.0.0.1:0"
			}
			err := srv.Run(echotest.Context(t), test.addr)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Run returned %v, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestRegisteringAfterServe(t *testing.T) {
	srv := echotest.StartServer(t, func(*server.Server) {})
	if _, err := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	server.Register[echotest.Service](srv.Server, echotest.Table, echotest.Funcs{})
	if err := srv.Stop(); err == nil || !strings.Contains(err.Error(), "test.v1.Echo: registered after Serve") {
		t.Errorf("Serve returned %v", err)
	}
}

// stockService is a service that protoc-gen-go-grpc generated.
type stockService struct {
	testgrpc.UnimplementedTestServiceServer
	do func(context.Context) error
}

func (s stockService) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, s.do(ctx)
}

func (s stockService) FullDuplexCall(ss testgrpc.TestService_FullDuplexCallServer) error {
	return s.do(ss.Context())
}

func TestForeignServicesGetThePipeline(t *testing.T) {
	log := new(echotest.Records)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		testgrpc.RegisterTestServiceServer(srv, stockService{do: func(ctx context.Context) error {
			if call, ok := runtime.CallFromContext(ctx); !ok || call.Method().Service != "grpc.testing.TestService" {
				t.Errorf("a foreign method has no call in its context")
			}
			panic("foreign")
		}})
		server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	}, server.WithLogger(log.Logger(slog.LevelInfo)), server.WithReflection())
	client := testgrpc.NewTestServiceClient(srv.Conn)
	if _, err := client.EmptyCall(echotest.Context(t), &testgrpc.Empty{}); status.Code(err) != codes.Internal {
		t.Errorf("the unary method answered %v, want INTERNAL after its panic", err)
	}
	cs, err := client.FullDuplexCall(echotest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cs.Recv(); status.Code(err) != codes.Internal {
		t.Errorf("the stream answered %v, want INTERNAL after its panic", err)
	}
	for kind, call := range echotest.Kinds { // ours go through theirs once
		if err := call(echotest.Context(t), srv.Conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if got, _ := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: "grpc.testing.TestService"}); got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("the foreign service's health is %v", got)
	}
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	if n := len(log.Named(t, "rpc")); n != 2+len(echotest.Kinds) {
		t.Errorf("%d records, want one for each call", n)
	}
}

func TestOnAServerOfTheUsersOwn(t *testing.T) {
	own := grpc.NewServer()
	log := new(echotest.Records)
	ours := server.On(own, server.WithLogger(log.Logger(slog.LevelInfo)))
	draining := make(chan struct{})
	server.Register[echotest.Service](ours, echotest.Table, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			close(draining)
			<-runtime.Draining(ctx)
			panic("drained")
		}
	}})
	ours.RegisterHealth()
	conn := echotest.ServeGRPC(t, own)
	done := make(chan error, 1)
	go func() { done <- echotest.Kinds["Many"](context.Background(), conn) }()
	echotest.Within(t, draining)
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		resp, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: echotest.Name})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStatus()
	}
	if got := check(); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health is %v", got)
	}
	ours.Drain()
	if err := echotest.Within(t, done); status.Code(err) != codes.Internal {
		t.Errorf("the stream ended with %v, want INTERNAL from its panic", err)
	}
	if got := check(); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health is %v while draining", got)
	}
}

func TestAPlainServerGetsThePipelineToo(t *testing.T) {
	own := grpc.NewServer()
	server.Register[echotest.Service](own, echotest.Table, echotest.Behaving(func(context.Context) error { panic("plain") }))
	conn := echotest.ServeGRPC(t, own)
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v, want INTERNAL", kind, err)
		}
	}
}

func TestANilImplementationPanicsWhereNobodyCouldReturnTheError(t *testing.T) {
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "test.v1.Echo: the implementation is nil") {
			t.Errorf("recovered %v", err)
		}
	}()
	server.Register[echotest.Service](grpc.NewServer(), echotest.Table, nil)
}

func TestCallOutsideACall(t *testing.T) {
	if call, ok := runtime.CallFromContext(context.Background()); ok || call != nil {
		t.Error("a call was found outside a call")
	}
	if runtime.Draining(context.Background()) != nil {
		t.Error("a context outside a call can drain")
	}
	done := make(chan struct{})
	runtime.Go(context.Background(), func(context.Context) error {
		defer close(done)
		panic("nobody joins me")
	})
	echotest.Within(t, done)
}

func TestCallKnowsItsMethod(t *testing.T) {
	before := time.Now()
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		method := call.Method()
		if method.FullMethod != "/"+method.Service+"/"+method.Name || method.Service != echotest.Name {
			t.Errorf("method is %+v", method)
		}
		if call.Start().Before(before) {
			t.Errorf("the call started at %v", call.Start())
		}
		return status.Error(codes.OutOfRange, method.Kind.String())
	}))
	for kind, want := range map[string]string{"One": "unary", "Many": "server_stream", "Join": "client_stream", "Chat": "bidi_stream"} {
		if err := echotest.Kinds[kind](echotest.Context(t), srv.Conn); status.Convert(err).Message() != want {
			t.Errorf("%s: %v, want kind %s", kind, err, want)
		}
	}
}
