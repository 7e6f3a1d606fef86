package server_test

import (
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestWarningsAtStart has servers that would reject every call, or part of them, and servers that
// would not.
func TestWarningsAtStart(t *testing.T) {
	public := runtime.Policy{Auth: &runtime.Auth{Public: true}}
	echo := func(p runtime.Policy) func(grpc.ServiceRegistrar) {
		return func(r grpc.ServiceRegistrar) {
			server.Register[echotest.Service](r, echotest.TableWith(p), echotest.Funcs{})
		}
	}
	stock := func(r grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(r, stockService{}) }
	partly := func(r grpc.ServiceRegistrar) {
		table := runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto, runtime.Unary("One", echotest.Service.One, public),
			runtime.ServerStream("Many", echotest.Service.Many, runtime.Policy{}),
			runtime.Bidi("Chat", echotest.Service.Chat, runtime.Policy{}))
		server.Register[echotest.Service](r, table, echotest.Funcs{})
	}
	const rejecting, empty = "methods without an auth policy reject every call", "no service is registered"
	for name, test := range map[string]struct {
		opts     []server.Option
		register []func(grpc.ServiceRegistrar)
		want     []string // the records, and in each the names
		onOwn    []string // on a server of the user's
	}{
		"no policy":            {authenticated, []func(grpc.ServiceRegistrar){echo(runtime.Policy{}), stock}, []string{rejecting, "test.v1.Echo/*, grpc.testing.TestService/*"}, []string{rejecting, "test.v1.Echo/*", rejecting, "grpc.testing.TestService/*"}},
		"some":                 {authenticated, []func(grpc.ServiceRegistrar){partly}, []string{rejecting, "test.v1.Echo/Chat, test.v1.Echo/Many"}, []string{rejecting, "test.v1.Echo/Chat, test.v1.Echo/Many"}},
		"policies":             {authenticated, []func(grpc.ServiceRegistrar){echo(public)}, nil, nil},
		"policies by option":   {append([]server.Option{server.WithPolicy([]byte(`{"test.v1.Echo/*": {"auth": {}}}`))}, authenticated...), []func(grpc.ServiceRegistrar){echo(runtime.Policy{})}, nil, nil},
		"no authenticator":     {nil, []func(grpc.ServiceRegistrar){echo(runtime.Policy{})}, nil, nil},
		"open":                 {append(authenticated[:1:1], server.WithoutAuthentication()), []func(grpc.ServiceRegistrar){echo(runtime.Policy{})}, nil, nil},
		"nothing":              {nil, nil, []string{empty, "grpc.health.v1.Health"}, nil},
		"nothing, reflected":   {append(authenticated[:1:1], server.WithReflection()), nil, []string{empty, "grpc.health.v1.Health, grpc.reflection"}, nil},
		"reflected and served": {append(authenticated[:1:1], server.WithReflection()), []func(grpc.ServiceRegistrar){echo(public)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			srv := echotest.StartServer(t, func(srv *server.Server) {
				for _, register := range test.register {
					register(srv)
				}
			}, append([]server.Option{server.WithLogger(log.Logger(slog.LevelWarn))}, test.opts...)...)
			if _, err := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), nil); err != nil { // it serves
				t.Fatal(err)
			}
			checkWarnings(t, log, test.want)

			log.Reset()
			ours := server.On(grpc.NewServer(), append([]server.Option{server.WithLogger(log.Logger(slog.LevelWarn))}, test.opts...)...)
			for _, register := range test.register {
				register(ours)
			}
			checkWarnings(t, log, test.onOwn)
		})
	}
}

// checkWarnings compares the log with the messages and the names that are wanted.
func checkWarnings(t *testing.T, log *echotest.Records, want []string) {
	t.Helper()
	text := log.Text()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(want) == 0 {
		if text != "" {
			t.Errorf("the log has %q, want nothing", lines)
		}
		return
	}
	if len(lines) != len(want)/2 {
		t.Fatalf("the log has %q, want %d records", lines, len(want)/2)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[2*i]) || !strings.Contains(line, `"`+want[2*i+1]) {
			t.Errorf("record %q, want %q of %q", line, want[2*i], want[2*i+1])
		}
	}
}
