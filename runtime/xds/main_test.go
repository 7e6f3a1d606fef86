package xds_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/xds"
)

// bootstrapEnv is the variable that grpc reads when a process starts.
const bootstrapEnv = "GRPC_XDS_BOOTSTRAP"

// bareEnv makes a process print the errors of a client and of a server without a bootstrap file.
const bareEnv = "XDS_TEST_BARE"

func bare() {
	_, err := client.Dial("xds:///any", client.WithInsecure(), xds.Client())
	fmt.Println("client:", err)
	fmt.Println("server:", server.New(xds.Server()).Run(context.Background(), "127.0.0.1:0"))
}

// TestWithoutBootstrap checks that both ends name the variable that is missing.
func TestWithoutBootstrap(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{bareEnv + "=1"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	for i, start := range []string{`client: cannot dial "xds:///any": `, "server: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], start) || !strings.Contains(lines[i], bootstrapEnv) {
			t.Errorf("%q does not start with %q and name %s", lines[i], start, bootstrapEnv)
		}
	}
}

// TestMain runs the tests in a process that was started with a bootstrap file. plane, the control
// plane of all tests, writes the file when it listens.
func TestMain(m *testing.M) {
	if os.Getenv(bareEnv) != "" {
		bare()
		return
	}
	if os.Getenv(bootstrapEnv) == "" {
		os.Exit(withBootstrap())
	}
	if err := plane.start(os.Getenv(bootstrapEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	echotest.Main(m)
}

// withBootstrap runs this program again with a bootstrap file, and returns its exit code.
func withBootstrap() int {
	dir, err := os.MkdirTemp("", "xds")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Env = append(os.Environ(), bootstrapEnv+"="+filepath.Join(dir, "bootstrap.json"))
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	if err := again.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
