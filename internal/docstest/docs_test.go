package docstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the root directory of the checkout.
const root = "../.."

// scratch is a directory that is removed after all tests.
var scratch string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "docstest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	code := m.Run()
	version, err := versionOfCheckout()
	if err = errors.Join(err, forget(version)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestREADME(t *testing.T) {
	t.Parallel()
	follow(t, filepath.Join(root, "README.md"))
}

func TestGettingStarted(t *testing.T) {
	t.Parallel()
	dir, env := follow(t, filepath.Join(root, "docs", "getting-started.md"))
	checkProject(t, dir, env)
}

// checkProject runs ci/check.sh on the project that a page creates, as its reader's CI would.
func checkProject(t *testing.T, dir string, env []string) {
	t.Helper()
	p := project{t, dir, append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)}
	for file, content := range map[string]string{
		"ci/check.sh": readText(t, filepath.Join(root, "ci", "check.sh")), ".gitignore": "/bin\n",
	} {
		step{path: file, text: content}.write(t, dir)
	}
	p.commit("What the page makes")
	if out, err := p.check("HEAD"); err != nil {
		t.Errorf("check.sh: %v\n%s", err, out)
	}
}

// TestCIRunsTheREADMEsMakeTargets checks that CI runs the commands that follow does not.
func TestCIRunsTheREADMEsMakeTargets(t *testing.T) {
	ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range readPage(t, filepath.Join(root, "README.md")) {
		for line := range strings.Lines(step.text) {
			command, _, _ := strings.Cut(line, "#")
			if command = strings.TrimSpace(command); step.ofRepository() && !strings.Contains(string(ci), " "+command+"\n") {
				t.Errorf(".ci/run does not run %q of the README", command)
			}
		}
	}
}

// follow carries out the steps of a page in an empty directory, and checks that the page's files
// are formatted. It returns the directory and the environment of the commands.
func follow(t *testing.T, page string) (dir string, env []string) {
	t.Helper()
	dir, env = t.TempDir(), newcomersEnvironment(t)
	commands := 0
	for _, step := range readPage(t, page) {
		switch {
		case step.path != "":
			step.write(t, dir)
		case !step.ofRepository():
			commands++
			run(t, dir, env, step)
		}
	}
	if commands == 0 {
		t.Errorf("%s has no command that can be run", page)
	}
	p := project{t, dir, env}
	p.must("buf", "format", "--diff", "--exit-code")
	if out, err := p.command(filepath.Join(goEnv(t, "GOROOT"), "bin", "gofmt"), "-l", "."); err != nil || out != "" {
		t.Errorf("these Go files of %s are not formatted (%v):\n%s", page, err, out)
	}
	return dir, env
}

// run executes the commands of a step; the first failure ends the test.
func run(t *testing.T, dir string, env []string, s step) {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", s.text)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%v\n%s", s, err, out)
	}
	t.Logf("%v\n%s", s, out)
}

// newcomersEnvironment returns an environment with the tools that the docs require, without this
// plugin, and with a module proxy that serves this checkout as the latest version.
func newcomersEnvironment(t *testing.T) []string {
	t.Helper()
	tools := t.TempDir()
	for _, tool := range []string{"buf", "grpcurl"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			missing(t, tool)
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(tools, tool)); err != nil {
			t.Fatal(err)
		}
	}
	proxy, err := proxyOfCheckout()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	return append(os.Environ(),
		"GOBIN="+bin,
		"PATH="+strings.Join([]string{bin, tools, pathWithoutPlugins()}, string(os.PathListSeparator)),
		"GOPROXY=file://"+proxy+","+goEnv(t, "GOPROXY"),
		"GONOSUMDB="+module,
		"GOFLAGS=-mod=mod -trimpath", // same flags as in the Makefile, to share its build cache
		"GOWORK=off",
	)
}

// missing skips the test on a developer's machine without the tools, and fails it in CI.
func missing(t *testing.T, tool string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not on the PATH; make test puts it there", tool)
	}
	t.Skipf("%s is not on the PATH; make test puts it there", tool)
}

// pathWithoutPlugins returns the PATH without directories that contain this plugin, which the
// reader installs.
func pathWithoutPlugins() string {
	var kept []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "protoc-gen-grpcservice")); err != nil {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, string(os.PathListSeparator))
}

// goEnv returns a setting of the go command.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
