package server_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestRunOnUnixSockets serves on each spelling of a socket, and dials the same text.
func TestRunOnUnixSockets(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	abandoned := filepath.Join(dir, "abandoned.sock")
	abandon(t, abandoned)
	for name, addr := range map[string]string{
		"absolute": "unix://" + filepath.Join(dir, "a.sock"), "one slash": "unix:" + filepath.Join(dir, "b.sock"),
		"relative": "unix:c.sock", "abandoned": "unix://" + abandoned,
		"abstract": "unix-abstract:grpcservice-test-" + filepath.Base(dir),
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(addr, "unix-abstract:") && goruntime.GOOS != "linux" {
				return // there are none
			}
			host := server.New(server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)))
			ran := make(chan error, 1)
			go func() { ran <- host.Run(context.Background(), addr) }()
			conn, err := client.Dial(addr, client.WithInsecure())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			health, req := healthpb.NewHealthClient(conn), new(healthpb.HealthCheckRequest)
			if _, err := health.Check(echotest.Context(t), req, grpc.WaitForReady(true)); err != nil {
				t.Error(err)
			}
			if err := host.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if err := echotest.Within(t, ran); err != nil {
				t.Error(err)
			}
		})
	}
	left, err := filepath.Glob("*")
	if err != nil || len(left) > 0 {
		t.Errorf("files are left: %q, %v", left, err)
	}
}

// abandon leaves a socket as a process does that is killed.
func abandon(t *testing.T, path string) {
	t.Helper()
	lis, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	lis.SetUnlinkOnClose(false)
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSocketsOfOthersStay checks that only a socket without a listener is replaced.
func TestSocketsOfOthersStay(t *testing.T) {
	dir := t.TempDir()
	used, file := filepath.Join(dir, "used.sock"), filepath.Join(dir, "file")
	lis, err := net.Listen("unix", used)
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{used, file} {
		err := server.New(server.WithLogger(slog.New(slog.DiscardHandler))).Run(context.Background(), "unix://"+path)
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s is gone: %v", path, err)
		}
	}
}

func TestAddressesThatCannotBe(t *testing.T) {
	for addr, want := range map[string]string{
		"":                    `write "host:port"`,
		"localhost":           `write "host:port"`,
		"::1":                 `write "host:port"`,
		"http://:8080":        "a server does not listen on http://",
		"unix:":               "it names no socket",
		"unix://":             "it names no socket",
		"unix-abstract:":      "it names no socket",
		"unix://tmp/x.sock":   `write "unix:///tmp/x.sock"`,
		"unix:/tmp/\x00.sock": "zero byte",
	} {
		err := server.New(server.WithLogger(slog.New(slog.DiscardHandler))).Run(context.Background(), addr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run(%q): %v, want %q", addr, err, want)
		}
	}
	for target, want := range map[string]string{
		"unix:": "it names no socket", "unix://": "it names no socket", "unix-abstract:": "it names no socket",
		"unix://tmp/x.sock": `write "unix:///tmp/x.sock"`,
	} {
		conn, err := client.Dial(target, client.WithInsecure())
		if err == nil {
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Dial(%q): %v, want %q", target, err, want)
		}
	}
}
