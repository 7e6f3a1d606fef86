package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestDefaultsAreTheRuntimes checks that the defaults of the manifests are those of a server
// without options.
func TestDefaultsAreTheRuntimes(t *testing.T) {
	if deploy.DefaultDrainDelay != server.DefaultDrainDelay || deploy.DefaultShutdownTimeout != server.DefaultShutdownTimeout {
		t.Errorf("drain delay %v, shutdown timeout %v; the runtime has %v, %v", deploy.DefaultDrainDelay, deploy.DefaultShutdownTimeout,
			server.DefaultDrainDelay, server.DefaultShutdownTimeout)
	}
	_, rest, _ := strings.Cut(string(filesOf(t, shop())["kubernetes/deployment.yaml"]), "name: MAX_CONNECTION_AGE_GRACE\n")
	value, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(rest), "value: "), "\n")
	if grace, err := time.ParseDuration(value); grace != server.MaxConnectionAgeGrace {
		t.Errorf("the grace of the connection age is %q (%v); the runtime has %v", value, err, server.MaxConnectionAgeGrace)
	}
}

// TestProxiesRejectNothingThatPodsServe checks that the limit of a proxy is that of a pod for the
// calls of one address, which all calls of a proxy have.
func TestProxiesRejectNothingThatPodsServe(t *testing.T) {
	got := lines(string(filesOf(t, shop())["istio/destinationrule.yaml"]), "http2MaxRequests:")
	want := "http2MaxRequests: " + strconv.Itoa(server.DefaultMaxCallsPerPeer)
	if len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestGracePeriodFitsTheShutdown checks that the grace period is the longest time that a shutdown
// takes, in whole seconds. It reads the constants from the source of the runtime.
func TestGracePeriodFitsTheShutdown(t *testing.T) {
	margin := constant(t, "cancelGrace") + constant(t, "handlerGrace")
	for _, tt := range []struct{ delay, timeout time.Duration }{
		{deploy.DefaultDrainDelay, deploy.DefaultShutdownTimeout}, {0, 0}, {1, 0}, {time.Second, 0}, {1500 * time.Millisecond, 600 * time.Millisecond}, {time.Hour, 0},
	} {
		app := shop()
		app.DrainDelay, app.ShutdownTimeout = tt.delay, tt.timeout
		got := lines(string(filesOf(t, app)["kubernetes/deployment.yaml"]), "terminationGracePeriodSeconds:")
		need := tt.delay + tt.timeout + margin
		seconds := int64((need + time.Second - 1) / time.Second)
		if want := "terminationGracePeriodSeconds: " + strconv.FormatInt(seconds, 10); len(got) != 1 || got[0] != want {
			t.Errorf("delay %v, timeout %v: %q, want %q", tt.delay, tt.timeout, got, want)
		}
	}
}

// constant reads a duration that the runtime does not export.
func constant(t *testing.T, name string) time.Duration {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../runtime/server/shutdown.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var value ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == name {
			value = spec.Values[0]
		}
		return true
	})
	switch value := value.(type) {
	case *ast.SelectorExpr: // time.Second
		if value.Sel.Name == "Second" {
			return time.Second
		}
	case *ast.BinaryExpr: // 2 * time.Second
		n, err := strconv.Atoi(value.X.(*ast.BasicLit).Value)
		if err == nil && value.Op == token.MUL && value.Y.(*ast.SelectorExpr).Sel.Name == "Second" {
			return time.Duration(n) * time.Second
		}
	}
	t.Fatalf("runtime/server/shutdown.go has no constant %s that is so many seconds", name)
	return 0
}

// users is a service interface like those in generated code.
type users interface {
	Get(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	List(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	Put(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	Plain(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	Watch(context.Context, *emptypb.Empty) runtime.Stream[emptypb.Empty]
}

// TestServiceConfigIsTheRuntimes checks that the file gives clients the same service config as the
// runtime.
func TestServiceConfigIsTheRuntimes(t *testing.T) {
	const s = time.Second
	policies := []policy.Policy{
		{Timeout: s, MaxTimeout: 2 * s, Retry: policy.Retry{MaxAttempts: 3, InitialBackoff: s / 4, MaxBackoff: s, Multiplier: 1.5, Codes: []string{"UNAVAILABLE", "ABORTED"}}},
		{Timeout: 3 * s, Hedging: policy.Hedging{Delay: s / 10, MaxAttempts: 2, NonFatalCodes: []string{"UNAVAILABLE"}}},
		{Timeout: policy.None},
		{},
		{TotalTimeout: time.Minute, IdleTimeout: s},
	}
	const name = "deploytest.v1.Users"
	table := runtime.NewService(name, descriptorpb.File_google_protobuf_descriptor_proto,
		runtime.Unary("Get", users.Get, policies[0]),
		runtime.Unary("List", users.List, policies[1]),
		runtime.Unary("Put", users.Put, policies[2]),
		runtime.Unary("Plain", users.Plain, policies[3]),
		runtime.ServerStream("Watch", users.Watch, policies[4]),
	)
	want, err := client.ServiceConfigJSON(client.WithServiceConfig(table), client.WithHealthChecks())
	if err != nil {
		t.Fatal(err)
	}
	app := shop()
	app.Services = []deploy.Service{{FullName: name}}
	for i, method := range []string{"Get", "List", "Put", "Plain", "Watch"} {
		app.Services[0].Methods = append(app.Services[0].Methods, deploy.Method{Name: method, Stream: method == "Watch", Policy: policies[i]})
	}
	var got bytes.Buffer
	if err := json.Compact(&got, filesOf(t, app)["client/service-config.json"]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-runtime +file)\n%s", diff)
	}
}

// noUsers implements users.
type noUsers struct{ users }

// TestProbesAreAnswered runs the probes of a pod against a server, when it is healthy and when its
// only service is not serving.
func TestProbesAreAnswered(t *testing.T) {
	const name = "deploytest.v1.Users"
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
	table := runtime.NewService(name, descriptorpb.File_google_protobuf_descriptor_proto, runtime.Unary("Get", users.Get, runtime.Policy{}))
	server.Register[users](srv, table, noUsers{})
	lis := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn, err := client.Dial("passthrough:///pod", client.WithInsecure(),
		client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(services int) map[string]string {
		app := shop()
		app.Services = app.Services[:services]
		app.Services[0].FullName = name
		var d struct {
			Spec struct {
				Template struct {
					Spec struct{ Containers []map[string]any }
				}
			}
		}
		if err := yaml.Load(filesOf(t, app)["kubernetes/deployment.yaml"], &d); err != nil {
			t.Fatal(err)
		}
		answers := make(map[string]string)
		for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
			service := d.Spec.Template.Spec.Containers[0][probe].(map[string]any)["grpc"].(map[string]any)["service"].(string)
			resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
			if err != nil {
				t.Errorf("%s: %v", probe, err)
			}
			answers[probe] = resp.GetStatus().String()
		}
		return answers
	}
	well := map[string]string{"startupProbe": "SERVING", "readinessProbe": "SERVING", "livenessProbe": "SERVING"}
	ill := map[string]string{"startupProbe": "SERVING", "readinessProbe": "NOT_SERVING", "livenessProbe": "SERVING"}
	for step, tt := range []struct {
		broken        string
		single, whole map[string]string
	}{{"none", well, well}, {name, ill, well}, {"", ill, ill}} {
		srv.Health().SetServing(tt.broken, false)
		if diff := cmp.Diff([]map[string]string{tt.single, tt.whole}, []map[string]string{ask(1), ask(2)}); diff != "" {
			t.Errorf("step %d: of one service and of two (-want +got):\n%s", step, diff)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := srv.Shutdown(t.Context()); err != nil || <-served != nil {
		t.Error(err)
	}
}
