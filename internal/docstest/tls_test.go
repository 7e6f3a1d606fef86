package docstest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestOwnCA runs the openssl commands of docs/tls.md, and calls a server with what they make.
func TestOwnCA(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not on the PATH; install the package openssl")
		}
		t.Skip("openssl is not on the PATH; install the package openssl")
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(readText(t, "../../docs/tls.md"))
	if block == nil {
		t.Fatal("docs/tls.md has no commands")
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-e", "-c", block[1])
	cmd.Dir, cmd.Env = dir, os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.WithTLSFiles(in("tls.crt"), in("tls.key")), server.WithClientCAs(in("ca.crt")),
		server.WithDrainDelay(0))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithServerCAs(in("ca.crt")),
		client.WithTLSFiles(in("tls.crt"), in("tls.key")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, new(healthpb.HealthCheckRequest)); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
