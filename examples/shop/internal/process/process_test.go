package process_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
)

// The programs as a user runs them: the server serves, the client is content with it, SIGTERM ends it with status 0.
func TestShop(t *testing.T) {
	bin := t.TempDir()
	if err := process.Build(t.Context(), bin, "server", "client"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server, err := process.Start(t.Context(), filepath.Join(bin, "server"), &log, "-drain-delay", "100ms")
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "client"), "-addr", server.Addr).CombinedOutput()
	if err != nil {
		t.Errorf("client: %v\n%s", err, out)
	}
	if err := server.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("server: %v\n%s", err, &log)
	}
}
