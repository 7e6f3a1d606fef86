package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serviceOptions and oneOptions are those of the service test.v1.Stated and of its method One.
func serviceOptions() *grpcservicev1.Policy {
	return &grpcservicev1.Policy{
		Timeout: &grpcservicev1.Timeout{Default: proto.String("2s"), Idle: proto.String("1m")},
		Auth:    &grpcservicev1.Auth{AllOf: []string{"read"}},
		Retry:   &grpcservicev1.Retry{MaxAttempts: proto.Int32(4)},
	}
}

func oneOptions() *grpcservicev1.Policy {
	return &grpcservicev1.Policy{
		Timeout: &grpcservicev1.Timeout{Max: proto.String("5s")},
		Rate:    []*grpcservicev1.Rate{{PerSecond: proto.Float64(100), Burst: proto.Int32(20)}},
	}
}

// registerStated registers the proto of the service test.v1.Stated, once.
var registerStated = sync.OnceValue(func() error {
	ofService, ofOne := new(descriptorpb.ServiceOptions), new(descriptorpb.MethodOptions)
	proto.SetExtension(ofService, grpcservicev1.E_Service, serviceOptions())
	ofOne.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
	proto.SetExtension(ofOne, grpcservicev1.E_Method, oneOptions())
	text := proto.String(".google.protobuf.StringValue")
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/stated.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto", "grpcservice/v1/options.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Stated"), Options: ofService, Method: []*descriptorpb.MethodDescriptorProto{
				{Name: proto.String("One"), InputType: text, OutputType: text, Options: ofOne},
				{Name: proto.String("Many"), InputType: text, OutputType: text, ServerStreaming: proto.Bool(true)},
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// stated is the service test.v1.Stated as the plugin generates it: change is what its policy file
// changes in the policy of One.
func stated(t *testing.T, change func(*runtime.Policy)) *runtime.Service[echotest.Service] {
	t.Helper()
	if err := registerStated(); err != nil {
		t.Fatal(err)
	}
	one, faults := policy.Of(policy.Method{Idempotency: policy.NoSideEffects}, serviceOptions(), oneOptions())
	many, others := policy.Of(policy.Method{ServerStreams: true}, serviceOptions(), nil)
	if len(faults)+len(others) > 0 {
		t.Fatal(faults, others)
	}
	change(&one)
	desc, err := protoregistry.GlobalFiles.FindFileByPath("test/v1/stated.proto")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NewService("test.v1.Stated", desc,
		runtime.Unary("One", echotest.Service.One, one), runtime.ServerStream("Many", echotest.Service.Many, many))
}

// rulesOf returns the rules of a method as "option = value (origin)".
func rulesOf(t *testing.T, s server.Status, fullMethod string) (rules []string) {
	t.Helper()
	for _, r := range methodOf(t, s, fullMethod).Rules {
		rules = append(rules, fmt.Sprintf("%s = %s (%v)", r.Option, r.Value, r.Origin))
	}
	return rules
}

func methodOf(t *testing.T, s server.Status, fullMethod string) server.MethodStatus {
	t.Helper()
	for _, service := range s.Services {
		for _, m := range service.Methods {
			if m.Info.FullMethod == fullMethod {
				return m
			}
		}
	}
	t.Fatalf("the status has no method %s: %+v", fullMethod, s)
	return server.MethodStatus{}
}

// equalRules compares rules.
func equalRules(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRulesHaveOrigins holds that each rule has the origin that decides about it.
func TestRulesHaveOrigins(t *testing.T) {
	file := newPolicyFile(t, `{"test.v1.Stated/*": {"timeout": {"max": "4s", "total": "1h"}}}`)
	table := stated(t, func(p *runtime.Policy) {
		p.Timeout, p.MaxRequestBytes = 3*time.Second, 1000
	})
	srv := echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, table, echotest.Funcs{})
	}, server.WithPolicyFile(file.path), server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithPolicy([]byte(`{"test.v1.Stated/*": {"log": {"sample": 0.5}}, "test.v1.Stated/One": {"retry": {"maxBackoff": "2s"}}}`)),
		server.WithoutAuthentication())
	equalRules(t, rulesOf(t, srv.Server.Status(), "/test.v1.Stated/One"), []string{
		"timeout.default = 3s (generated code)",
		"timeout.max = 4s (policy file)",
		"auth = {public: false, all_of: [read]} (service option)",
		"rate = [{per_second: 100, burst: 20, key: KEY_METHOD}] (method option)",
		"retry.max_attempts = 4 (service option)",
		"retry.initial_backoff = 100ms (default)",
		"retry.max_backoff = 2s (server option)",
		"retry.backoff_multiplier = 2 (default)",
		"retry.codes = [UNAVAILABLE] (default)",
		"max_request_bytes = 1000 (generated code)",
		"log.level = LEVEL_INFO (default)",
		"log.sample = 0.5 (server option)",
	})
	equalRules(t, rulesOf(t, srv.Server.Status(), "/test.v1.Stated/Many"), []string{
		"timeout.idle = 1m0s (service option)",
		"timeout.total = 1h0m0s (policy file)",
		"auth = {public: false, all_of: [read]} (service option)",
		"log.level = LEVEL_INFO (default)",
		"log.sample = 0.5 (server option)",
	})
}

// TestRulesFollowThePolicyFile holds that rules that the file adds, removes and no longer mentions
// are listed as they are then, even if nothing changes for calls.
func TestRulesFollowThePolicyFile(t *testing.T) {
	w := watched{policyFile: newPolicyFile(t, `{}`), log: new(echotest.Records)}
	w.Running = echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, stated(t, func(*runtime.Policy) {}), echotest.Funcs{})
	}, server.WithPolicyFile(w.path), server.WithoutAuthentication(), server.WithLogger(w.log.Logger(slog.LevelInfo)))
	for _, test := range []struct{ content, rate, timeout string }{
		{`{"test.v1.Stated/One": {"rate": [{"perSecond": 0}]}}`, "rate =  (policy file)", "timeout.max = 5s (method option)"},
		{`{"test.v1.Stated/One": {"timeout": {"max": "5s"}}}`, "rate = [{per_second: 100, burst: 20, key: KEY_METHOD}] (method option)", "timeout.max = 5s (policy file)"},
		{`{}`, "rate = [{per_second: 100, burst: 20, key: KEY_METHOD}] (method option)", "timeout.max = 5s (method option)"},
	} {
		w.change(test.content)
		got := rulesOf(t, w.Server.Status(), "/test.v1.Stated/One")
		if !slices.Contains(got, test.rate) || !slices.Contains(got, test.timeout) {
			t.Errorf("%s: the rules are\n%s\nwant %s and %s", test.content, strings.Join(got, "\n"), test.rate, test.timeout)
		}
	}
}

// TestRulesOfOtherTables lists those of a table that no proto states, of the server's defaults, and
// of the server's own services.
func TestRulesOfOtherTables(t *testing.T) {
	srv := server.New(server.WithDefaultTimeout(time.Second))
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{TotalTimeout: time.Hour}), echotest.Funcs{})
	s := srv.Status()
	equalRules(t, rulesOf(t, s, "/test.v1.Echo/One"), []string{
		"timeout.default = 1s (server option)", "log.level = LEVEL_INFO (default)",
	})
	equalRules(t, rulesOf(t, s, "/test.v1.Echo/Many"), []string{
		"timeout.total = 1h0m0s (generated code)", "log.level = LEVEL_INFO (default)",
	})
	equalRules(t, rulesOf(t, s, "/grpc.health.v1.Health/Watch"), []string{
		"auth = {public: true} (default)", "log.level = LEVEL_DEBUG (default)",
	})
	equalRules(t, rulesOf(t, server.New().Status(), "/grpc.health.v1.Health/Check")[:1], []string{"timeout.default = 30s (default)"})
}

// TestStatusOfAServer follows a server from its creation to its end.
func TestStatusOfAServer(t *testing.T) {
	ca := certtest.NewCA(t, "root")
	certFile, keyFile := ca.Issue(t, "server").Write(t, t.TempDir())
	file := newPolicyFile(t, "{}")
	idle := server.New(server.WithTLSFiles(certFile, keyFile), server.WithPolicyFile(file.path))
	if s := idle.Status(); s.State != server.StateStarting || !s.Started.IsZero() || s.TLS.CertFile != certFile ||
		time.Until(s.TLS.Expires) <= 0 || s.TLS.Error != "" || s.PolicyFile != file.path || s.PolicyFileError != "" {
		t.Errorf("before it serves: %+v", s)
	}
	file.write("{")
	_ = server.CheckPolicyFile(idle)
	if s := idle.Status(); !strings.Contains(s.PolicyFileError, "policy.json:1:1: ") {
		t.Errorf("with a wrong policy file: %+v", s)
	}
	if err := idle.Shutdown(context.Background()); err != nil || idle.Status().State != server.StateStopped {
		t.Errorf("shut down before it serves: %v, %v", err, idle.Status().State)
	}

	gate := newGate()
	srv := echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, echotest.Table, echotest.Behaving(gate.pass))
		s.Background("worker", func(ctx context.Context) error { <-ctx.Done(); return nil })
	}, server.WithDrainDelay(0))
	called := make(chan error, 1)
	go func() { called <- echotest.Kinds["One"](context.Background(), srv.Conn) }()
	echotest.Within(t, gate.entered)
	s := srv.Server.Status()
	if s.State != server.StateServing || len(s.Addrs) != 1 || time.Since(s.Started) < 0 || s.Calls != 1 || s.Connections != 1 ||
		s.MaxCalls != server.DefaultMaxCalls || s.MaxConnections != server.DefaultMaxConnections || !slices.Equal(s.Background, []string{"worker"}) {
		t.Errorf("while it serves: %+v", s)
	}
	var names []string
	for _, service := range s.Services {
		names = append(names, service.Name+" "+service.Health+" "+fmt.Sprint(len(service.Methods)))
	}
	if want := []string{"grpc.health.v1.Health SERVING 3", "test.v1.Echo SERVING 4"}; !slices.Equal(names, want) {
		t.Errorf("the services are %q, want %q", names, want)
	}
	if m := methodOf(t, s, "/test.v1.Echo/One"); m.Running != 1 || m.Limit != 0 || m.Refusing != "" {
		t.Errorf("the method is %+v", m)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Server.Shutdown(context.Background()) }()
	wait(t, "the method rejects calls", func() bool {
		return methodOf(t, srv.Server.Status(), "/test.v1.Echo/One").Refusing == "admit: the server is shutting down"
	})
	if s := srv.Server.Status(); s.State != server.StateDraining || s.Services[1].Health != "NOT_SERVING" {
		t.Errorf("while it drains: %+v", s)
	}
	close(gate.open)
	if err := echotest.Within(t, stopped); err != nil {
		t.Error(err)
	}
	if s := srv.Server.Status(); s.State != server.StateStopped || s.Calls != 0 || len(s.Background) > 0 {
		t.Errorf("at the end: %+v", s)
	}
	if err := echotest.Within(t, called); err != nil {
		t.Error(err)
	}
}

// TestStatusOfTLSFiles holds that the status has why files are not in use.
func TestStatusOfTLSFiles(t *testing.T) {
	ca := certtest.NewCA(t, "root")
	certFile, keyFile := ca.Issue(t, "server").Write(t, t.TempDir())
	srv := echotest.StartServer(t, func(*server.Server) {}, server.WithTLSFiles(certFile, keyFile))
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	wait(t, "the server has noticed", func() bool { return strings.Contains(srv.Server.Status().TLS.Error, keyFile) })
}

// TestRefusing holds that the status has why the next call would be rejected, and that a call is
// rejected then.
func TestRefusing(t *testing.T) {
	none := runtime.Policy{}
	one := runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1}}
	for want, test := range map[string]struct {
		policy runtime.Policy
		opts   []server.Option
		runs   int // calls that run
		done   int // calls that have finished
	}{
		"": {policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1e-9, Burst: 2, Key: runtime.ByMethod}}}, done: 1},
		"authorize: no auth policy authorizes calls of the method": {policy: none, opts: []server.Option{server.WithAuthenticator(known)}},
		"rates: the rate of the method is used up for ": {
			policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1e-9, Burst: 1, Key: runtime.ByMethod}}}, done: 1},
		"concurrency: 1 calls run, the limit":      {policy: one, runs: 1},
		"admit: the server has 1 calls, its limit": {policy: none, opts: []server.Option{server.WithMaxCalls(1)}, runs: 1},
	} {
		t.Run(want, func(t *testing.T) {
			running, release := make(chan struct{}), make(chan struct{})
			blocks := test.runs > 0
			impl := echotest.Behaving(func(ctx context.Context) error {
				if blocks {
					close(running) // panics if one call too many is admitted
					return echotest.Await(ctx, release)
				}
				return nil
			})
			srv := echotest.StartServer(t, func(s *server.Server) {
				server.Register[echotest.Service](s, echotest.TableWith(test.policy), impl)
			}, test.opts...)
			called := make(chan error, test.runs)
			for range test.runs {
				go func() { called <- echotest.Kinds["One"](echotest.Context(t), srv.Conn) }()
				echotest.Within(t, running)
			}
			for range test.done {
				if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
					t.Error(err)
				}
			}
			got := methodOf(t, srv.Server.Status(), "/test.v1.Echo/One").Refusing
			if got != want && (want == "" || !strings.HasPrefix(got, want)) {
				t.Errorf("got %q, want %q", got, want)
			}
			if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); (err != nil) != (want != "") || status.Code(err) == codes.Internal {
				t.Errorf("a call returns %v", err)
			}
			close(release)
			for range test.runs {
				if err := echotest.Within(t, called); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestRefusingOnOwnServer holds that a server of the user, which starts without what its policies
// require, has the reason.
func TestRefusingOnOwnServer(t *testing.T) {
	r := server.On(grpc.NewServer(), server.WithDefaultTimeout(0))
	server.Register[echotest.Service](r, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Funcs{})
	s := r.Status()
	if s.State != server.StateServing || len(s.Services) != 1 || s.Services[0].Health != "SERVING" {
		t.Errorf("%+v", s)
	}
	if got, want := methodOf(t, s, "/test.v1.Echo/One").Refusing,
		"authenticate: the policy requires authentication, and the server has no authenticator"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Drain()
	if s := r.Status(); s.State != server.StateDraining {
		t.Errorf("after Drain: %+v", s)
	}
}

// TestRulesThatExcludeOthers holds that an option that another one excludes is not listed.
func TestRulesThatExcludeOthers(t *testing.T) {
	srv := server.New(server.WithoutAuthentication(),
		server.WithPolicy([]byte(`{"test.v1.Stated/One": {"hedging": {"delay": "1s"}}}`)))
	server.Register[echotest.Service](srv, stated(t, func(*runtime.Policy) {}), echotest.Funcs{})
	rules := rulesOf(t, srv.Status(), "/test.v1.Stated/One")
	if !slices.Contains(rules, "hedging.delay = 1s (server option)") || strings.Contains(strings.Join(rules, "\n"), "retry") {
		t.Errorf("the rules are\n%s", strings.Join(rules, "\n"))
	}
}

// TestNotRefusing holds that a method whose next call would wait, or has a place, rejects nothing.
func TestNotRefusing(t *testing.T) {
	for name, concurrency := range map[string]runtime.Concurrency{
		"a place is free": {Limit: 2}, "calls may wait": {Limit: 1, MaxWait: time.Hour},
	} {
		gate := newGate()
		srv := echotest.StartServer(t, func(s *server.Server) {
			table := echotest.TableWith(runtime.Policy{Concurrency: concurrency})
			server.Register[echotest.Service](s, table, echotest.Behaving(gate.pass))
		})
		called := make(chan error, 1)
		go func() { called <- echotest.Kinds["One"](context.Background(), srv.Conn) }()
		echotest.Within(t, gate.entered)
		if m := methodOf(t, srv.Server.Status(), "/test.v1.Echo/One"); m.Refusing != "" || m.Running != 1 || m.Limit != concurrency.Limit {
			t.Errorf("%s: %+v", name, m)
		}
		close(gate.open)
		if err := echotest.Within(t, called); err != nil {
			t.Error(err)
		}
	}
}
