package process_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
)

// TestReference runs each command for grpcurl in the reference against a server, as a clerk. The
// server may reject what an example asks for, such as a user that does not exist, but never its form.
func TestReference(t *testing.T) {
	if _, err := exec.LookPath("grpcurl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no grpcurl on PATH; run make tools")
	}
	pages, err := filepath.Glob("../../reference/shop/v1/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("found %d pages (%v)", len(pages), err)
	}
	bin := t.TempDir()
	if err := process.Build(t.Context(), bin, "server"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server, err := process.Start(t.Context(), filepath.Join(bin, "server"), &log, nil, "-drain-delay", "100ms", "-uploads", t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	defer server.Kill()
	token, err := auth.Sign(auth.Clerk)
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "ADDRESS="+server.Addr, "TOKEN="+token)
	commands := regexp.MustCompile("(?s)\n```sh\ngrpcurl (.*?)\n```\n")
	var running sync.WaitGroup // streams that never end take as long as they may
	calls := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commands.FindAllStringSubmatch(string(text), -1) {
			calls++
			running.Go(func() { checkCommand(t, env, command[1]) })
		}
	}
	running.Wait()
	if calls < 19 {
		t.Errorf("the reference has %d examples, want one for each RPC", calls)
	}
}

// checkCommand runs grpcurl. Its exit code is 64 and the code of a call that failed, or 1 if it
// cannot make the call, as for a request that it cannot read.
func checkCommand(t *testing.T, env []string, args string) {
	t.Helper()
	const codes, invalidArgument, unimplemented = 64, 3, 12
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "exec grpcurl -plaintext -max-time 10 "+args)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case strings.Contains(string(out), "context deadline exceeded"): // an endless stream, or a busy machine
	case !errors.As(err, &exit) || exit.ExitCode() < codes || exit.ExitCode() == codes+unimplemented,
		exit.ExitCode() == codes+invalidArgument && !strings.Contains(string(out), "google.rpc.ErrorInfo"):
		t.Errorf("grpcurl %s: %v\n%s", args, err, out)
	default:
		t.Logf("grpcurl %s: %s", args, out)
	}
}
