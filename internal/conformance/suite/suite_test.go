package suite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/web"
)

// programVariable names the program that this process is, instead of the tests.
const programVariable = "CONFORMANCE_PROGRAM"

func TestMain(m *testing.M) {
	programs := map[string]func(context.Context) error{
		"server": func(ctx context.Context) error { return serve(ctx, os.Stdin, os.Stdout) },
		"web": func(ctx context.Context) error {
			return serve(ctx, os.Stdin, os.Stdout, web.ServeAlone())
		},
		"client": func(ctx context.Context) error { return callAll(ctx, os.Stdin, os.Stdout) },
	}
	name := os.Getenv(programVariable)
	if name == "" {
		os.Exit(test(m))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := programs[name](ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func test(m *testing.M) int {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	runner = filepath.Join(dir, "connectconformance")
	build := exec.Command("go", "build", "-o", runner,
		"connectrpc.com/conformance/cmd/connectconformance")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// runner is the path of the suite.
var runner string

// TestServer runs the suite against the native port.
func TestServer(t *testing.T) { run(t, "server", "grpc_server") }

// TestWeb runs the suite against the port of package web.
func TestWeb(t *testing.T) { run(t, "web", "web_server") }

// TestClient runs the suite against the generated client.
func TestClient(t *testing.T) { run(t, "client", "grpc_client") }

// timed are the suites with cases that depend on times of 100 ms to 2 s, also in the suite's
// reference programs.
var timed = []string{"Client Cancellation", "Deadline Propagation", "Server Message Size", "Timeouts"}

// run runs the suite against a program, with the features of testdata/NAME.yaml and the known
// failures of testdata/NAME.txt. On a machine with other work, a case with times may fail, and the
// suite may state a known failure in part, so such a case is repeated alone.
func run(t *testing.T, program, name string) {
	t.Helper()
	config := filepath.Join("testdata", name)
	known, err := readKnown(config + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	mode := "server"
	if program == "client" {
		mode = program
	}
	args := []string{"--mode", mode, "--conf", config + ".yaml"}
	var patterns []string
	for _, k := range known {
		patterns = append(patterns, "--known-failing", k.pattern)
	}
	got := conformance(t, program, append(slices.Clone(args), patterns...))
	t.Log(got.summary)
	alone := func(name string) string {
		return conformance(t, program, append(slices.Clone(args), "--run", name)).failed[name]
	}
	isKnown := func(name, failure string) bool {
		return slices.ContainsFunc(known, func(k knownFailure) bool { return k.matches(name, failure) })
	}
	for name, failure := range got.expected {
		// The suite leaves out what it says of the bytes of a response if it gets them late.
		for try := 0; !isKnown(name, failure) && try < 3; try++ {
			t.Logf("repeating %s alone, which failed for another reason:\n%s", name, failure)
			_, failure, _ = strings.Cut(alone(name), "\n")
		}
		if !isKnown(name, failure) {
			t.Errorf("%s is a known failure, and fails for another reason than %s.txt states:\n%s",
				name, config, failure)
		}
	}
	for name, failure := range got.failed {
		suite, _, _ := strings.Cut(name, "/")
		for try := 0; failure != "" && slices.Contains(timed, suite) && try < 3; try++ {
			t.Logf("repeating %s alone, which failed:\n%s", name, failure)
			failure = alone(name)
		}
		if failure != "" {
			t.Errorf("%s:\n%s", name, failure)
		}
	}
}

// results are those of a run of the suite, by the names of its cases.
type results struct {
	failed   map[string]string // and why
	expected map[string]string // known failures, and why they failed
	summary  string
}

// conformance runs the suite once. The program writes nothing to standard error, unless it panics,
// has a race, or logs an error.
func conformance(t *testing.T, program string, args []string) results {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(runner, append(args, "--", self)...)
	cmd.Env = append(os.Environ(), programVariable+"="+program)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	got := parse(stdout.String())
	if stderr.Len() > 0 {
		t.Errorf("standard error:\n%s", &stderr)
	}
	if got.summary == "" || (err != nil) != (len(got.failed) > 0) {
		t.Fatalf("the suite: %v\n%s", err, &stdout)
	}
	return got
}

// parse reads what the suite prints: for each failure a line with the name of the case, and its
// reasons in indented lines.
func parse(out string) results {
	got := results{failed: map[string]string{}, expected: map[string]string{}}
	into, name := got.failed, ""
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "\t"):
			into[name] += line + "\n"
		case strings.HasPrefix(line, "INFO: "):
			into = got.expected
			name = strings.TrimSuffix(strings.TrimPrefix(line, "INFO: "), " failed (as expected):")
		case strings.HasPrefix(line, "FAILED: "):
			into = got.failed
			name, _, _ = strings.Cut(strings.TrimPrefix(line, "FAILED: "), " was expected to fail")
			name = strings.TrimSuffix(name, ":")
			into[name] = line + "\n"
		case strings.HasPrefix(line, "Total cases: ") || got.summary != "":
			got.summary = strings.TrimSpace(got.summary + " " + line)
		}
	}
	return got
}
