package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func TestDialRejectsBadTargets(t *testing.T) {
	servicetest.NoLeaks(t)
	for target, want := range map[string]string{
		"":                       `cannot dial "": the target is empty; write "host:port"`,
		"dns:///":                `cannot dial "dns:///": the target is empty`,
		"http://example.com":     `no resolver is registered for the scheme "http"; write "host:port" without a scheme`,
		"example.com:":           `the port is missing after the colon`,
		"example.com:80:90":      `too many colons in address; write "host:port", and an IPv6 address in brackets`,
		"example.com :80":        `a host name cannot contain spaces`,
		"example.com/books":      `a host name cannot contain spaces or slashes`,
		"example.com:80\x7f":     `cannot dial "example.com:80\x7f": `,
		"dns:///[::1:8080":       `missing ']' in address`,
		"dns://8.8.8.8/example:": `the port is missing after the colon`,
	} {
		conn, err := client.Dial(target, client.WithInsecure())
		if err == nil {
			conn.Close()
			t.Errorf("%q: no error", target)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", target, err, want)
		}
	}
}

func TestDialAcceptsTargets(t *testing.T) {
	servicetest.NoLeaks(t)
	for _, target := range []string{
		"localhost:8080", "localhost", "127.0.0.1", "::1", "[::1]:8080", ":8080", "dns:///localhost:8080", "DNS:///localhost:8080",
		"unix:/tmp/a socket", "unix:///tmp/socket", "passthrough:///anything at all", "dns://8.8.8.8/localhost:8080",
	} {
		conn, err := client.Dial(target)
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		conn.Close()
	}
}

func TestDialRejectsOptions(t *testing.T) {
	for want, opts := range map[string][]client.Option{
		"WithInsecure and WithTLS: choose one": {client.WithInsecure(), client.WithTLS(new(tls.Config))},
		"WithTLS(nil): pass a configuration":   {client.WithTLS(nil)},
		"service config":                       {client.WithDialOptions(grpc.WithDefaultServiceConfig("{"))},
	} {
		_, err := client.Dial("localhost:1", opts...)
		if err == nil || !strings.HasPrefix(err.Error(), `cannot dial "localhost:1": `) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestDialSpeaksTLS checks that TLS is the default, with the roots that the system or the caller
// has.
func TestDialSpeaksTLS(t *testing.T) {
	servicetest.NoLeaks(t)
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS() // for its certificate, of example.com and 127.0.0.1
	cert := https.TLS.Certificates[0]
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	https.Close()
	addr := echotest.ListenAndServe(t, server.New(server.WithDrainDelay(0), server.WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}})))
	for name, test := range map[string]struct {
		opts []client.Option
		code codes.Code
		text string
	}{
		"the system's roots": {nil, codes.Unavailable, "x509: "},
		"roots of our own":   {[]client.Option{client.WithTLS(&tls.Config{RootCAs: roots})}, codes.OK, ""},
		"plain text":         {[]client.Option{client.WithInsecure()}, codes.Unavailable, ""},
	} {
		conn, err := client.Dial(addr, test.opts...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = healthpb.NewHealthClient(conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest))
		if status.Code(err) != test.code || !strings.Contains(status.Convert(err).Message(), test.text) {
			t.Errorf("%s: got %v, want %v", name, err, test.code)
		}
		conn.Close()
	}
}

// TestDialAndServerAgreeOnSizes sends what a server may, and dials a socket on the way.
func TestDialAndServerAgreeOnSizes(t *testing.T) {
	servicetest.NoLeaks(t)
	big := wrapperspb.String(strings.Repeat("x", server.MaxSendMsgSize-16))
	srv := server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) { return big, nil }})
	conn, err := client.Dial(echotest.ListenAndServe(t, srv), client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if resp, err := (echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}).One(echotest.Context(t), &text{}); err != nil || len(resp.GetValue()) != len(big.GetValue()) {
		t.Errorf("got %d bytes, %v", len(resp.GetValue()), err)
	}
}

// TestDialOptionsOverride passes credentials of grpc's own over the default ones.
func TestDialOptionsOverride(t *testing.T) {
	servicetest.NoLeaks(t)
	addr := echotest.ListenAndServe(t, server.New(server.WithDrainDelay(0)))
	conn, err := client.Dial(addr, client.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest)); err != nil {
		t.Error(err)
	}
}

func TestDialOfNobodyIsUnavailable(t *testing.T) {
	servicetest.NoLeaks(t)
	conn, err := client.Dial("unix://"+filepath.Join(t.TempDir(), "nobody.sock"), client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest))
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "nobody.sock") {
		t.Errorf("got %v", err)
	}
}
