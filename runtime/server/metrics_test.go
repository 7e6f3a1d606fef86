package server_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// figures returns what a source reports, as "name{values}", and checks it against its descriptions.
func figures(t *testing.T, source metric.Source) map[string]float64 {
	t.Helper()
	series, err := metric.Gather(source)
	if err != nil {
		t.Error(err)
	}
	described := source.Metrics()
	all := make(map[string]float64, len(series))
	for _, s := range series {
		if !slices.Contains(described, s.Desc) {
			t.Errorf("%s is reported and not described", s.Desc.Name)
		}
		all[s.Desc.Name+"{"+strings.Join(s.Labels, ",")+"}"] = s.Value
	}
	return all
}

// check compares some of the figures.
func check(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if is, ok := got[name]; !ok || is != value {
			t.Errorf("%s is %v (reported: %t), want %v", name, is, ok, value)
		}
	}
}

// TestMetricsOfAServer reads them while calls run and wait, and after the shutdown.
func TestMetricsOfAServer(t *testing.T) {
	gate := newGate()
	policy := runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1, MaxWait: time.Hour}}
	srv := echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, echotest.TableWith(policy), echotest.Behaving(gate.pass))
		s.Background("worker", func(ctx context.Context) error { <-ctx.Done(); return nil })
	}, server.WithDrainDelay(0), server.WithMaxCalls(7), server.WithMaxConnections(5))
	called := make(chan error, 2)
	for range cap(called) {
		go func() { called <- echotest.Kinds["Many"](context.Background(), srv.Conn) }()
	}
	echotest.Within(t, gate.entered)
	method := "{server_stream,test.v1.Echo,Many}"
	wait(t, "a call waits", func() bool {
		return figures(t, srv.Server)[metric.ServerConcurrencyWaiting+method] == 1
	})
	check(t, figures(t, srv.Server), map[string]float64{
		metric.ServerRunning + method:                     2,
		metric.ServerRunning + "{unary,test.v1.Echo,One}": 0,
		metric.ServerConcurrencyLimit + method:            1,
		metric.ServerConcurrencyRunning + method:          1,
		metric.ServerCalls + "{}":                         2,
		metric.ServerCallsLimit + "{}":                    7,
		metric.ServerConnections + "{}":                   1,
		metric.ServerConnectionsLimit + "{}":              5,
		metric.ServerAccepted + "{}":                      1,
		metric.ServerClosed + "{server_full}":             0,
		metric.ServerHandshakesFailed + "{}":              0,
		metric.ServerDraining + "{}":                      0,
		metric.ServerServing + "{test.v1.Echo}":           1,
		metric.ServerServing + "{}":                       1,
		metric.ServerBackground + "{worker}":              1,
	})
	close(gate.open)
	echotest.Within(t, gate.entered)
	for range cap(called) {
		if err := echotest.Within(t, called); err != nil {
			t.Error(err)
		}
	}
	if err := srv.Server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	got := figures(t, srv.Server)
	check(t, got, map[string]float64{
		metric.ServerRunning + method: 0, metric.ServerDraining + "{}": 1,
		metric.ServerServing + "{test.v1.Echo}": 0, metric.ServerCalls + "{}": 0,
	})
	if _, ok := got[metric.ServerBackground+"{worker}"]; ok {
		t.Error("a function that has returned is reported")
	}
}

// TestMetricsOfBuild holds that several servers report one program.
func TestMetricsOfBuild(t *testing.T) {
	series, err := metric.Gather(server.New(), server.New(), server.On(grpc.NewServer()))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range series {
		if s.Desc.Name == metric.BuildInfo && (s.Value != 1 || !slices.ContainsFunc(s.Labels, func(v string) bool {
			return strings.HasPrefix(v, "go1.")
		})) {
			t.Errorf("%v", s)
		}
	}
}

// TestMetricsOfOn holds that a registrar reports its calls, and no connections, which it does not
// know.
func TestMetricsOfOn(t *testing.T) {
	target := grpc.NewServer()
	r := server.On(target)
	server.Register[echotest.Service](r, echotest.Table, echotest.Behaving(succeed))
	got := figures(t, r)
	check(t, got, map[string]float64{
		metric.ServerRunning + "{unary,test.v1.Echo,One}": 0, metric.ServerDraining + "{}": 0,
	})
	if _, ok := got[metric.ServerConnections+"{}"]; ok {
		t.Error("connections are reported")
	}
	r.Drain()
	check(t, figures(t, r), map[string]float64{metric.ServerDraining + "{}": 1})
}

// TestMetricsOfTLS reads when the certificate expires, and counts a handshake that fails.
func TestMetricsOfTLS(t *testing.T) {
	ca := certtest.NewCA(t, "root")
	cert := ca.Issue(t, "server")
	certFile, keyFile := cert.Write(t, t.TempDir())
	srv := echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, echotest.Table, echotest.Behaving(succeed))
	}, server.WithTLSFiles(certFile, keyFile), server.WithLogger(new(echotest.Records).Logger(0)))
	_ = echotest.Kinds["One"](echotest.Context(t), srv.Conn) // in plain text
	wait(t, "a handshake failed", func() bool {
		return figures(t, srv.Server)[metric.ServerHandshakesFailed+"{}"] > 0
	})
	expires := srv.Server.Status().TLS.Expires
	check(t, figures(t, srv.Server), map[string]float64{
		metric.ServerCertificateExpiry + "{" + certFile + "}": float64(expires.Unix()),
	})
	if until := time.Until(expires); until <= 0 {
		t.Errorf("the certificate expires in %v", until)
	}
}
