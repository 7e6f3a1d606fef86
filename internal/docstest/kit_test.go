package docstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestKit runs ci/check.sh on a project as a user's CI does, once on a correct project and once for
// each possible fault.
func TestKit(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.git("tag", "base")
	if out, err := p.check("base"); err != nil {
		t.Fatalf("check.sh: %v\n%s", err, out)
	}
	const proto, method = "proto/library/v1/book_service.proto", "internal/service/book_service.go"
	tests := []struct {
		name           string
		file, old, new string
		committed      bool
		base           string
		want           string
	}{
		{"what is not committed", proto, "int32 year", "int64 year", false, "base", "commit or stash these changes first"},
		{"a base that there is not", proto, "int32 year", "int64 year", true, "nowhere", "no commit nowhere"},
		{"a proto that is written badly", proto, "rpc GetBook", "rpc get_book", true, "base", "RPC name"},
		{"a change that breaks callers", proto, "int32 year", "string year", true, "base", `Field "2" with name "year" on message "GetBookResponse" changed type`},
		{"code that was not generated again", proto, "// GetBook returns", "// GetBook finds", true, "base", "run buf generate and commit the result"},
		{"an RPC without a method", proto, "service BookService {", "service BookService {\n  rpc FindBook(FindBookRequest) returns (FindBookResponse);",
			true, "base", "run buf generate and commit the result"},
		{"a method with another signature", method, "req *libraryv1.GetBookRequest", "req *libraryv1.GetBookResponse", true, "base", method + ":"},
		{"code that does not compile", "go_away.go", "", "package library\n\nvar broken = missing\n", true, "base", "undefined: missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := p.in(t)
			p.replace(test.file, test.old, test.new)
			if test.committed {
				p.git("add", "--all")
				p.git("commit", "--quiet", "--message", test.name)
			}
			out, err := p.check(test.base)
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("check.sh ends with %v and says\n%s\nwant a failure that says %q", err, out, test.want)
			}
			p.git("reset", "--quiet", "--hard", "base")
			p.git("clean", "--quiet", "--force", "-d")
		})
	}
}

// TestKitWhere runs ci/check.sh in unusual repositories: in a worktree, whose .git is a file, and
// on the first push of a branch, for which GitHub reports zeros as the previous commit.
func TestKitWhere(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	if out, err := p.check(strings.Repeat("0", 40)); err != nil || !strings.Contains(out, "there are no callers") {
		t.Errorf("at the first push check.sh ends with %v and says\n%s", err, out)
	}
	p.git("tag", "base")
	tree := project{t, filepath.Join(t.TempDir(), "tree"), p.env}
	p.git("worktree", "add", "--quiet", "-b", "change", tree.dir)
	if out, err := tree.check("base"); err != nil {
		t.Errorf("in a worktree check.sh ends with %v and says\n%s", err, out)
	}
	tree.replace("proto/library/v1/book_service.proto", "int32 year", "string year")
	tree.git("commit", "--quiet", "--all", "--message", "Break it")
	if out, err := tree.check("base"); err == nil || !strings.Contains(out, "changed type") {
		t.Errorf("of a change that breaks callers check.sh says in a worktree\n%s", out)
	}
}

// project is a Go module in a git repository, with the files of the kit.
type project struct {
	t   *testing.T
	dir string
	env []string
}

// newProject returns a project with generated code, committed.
func newProject(t *testing.T) project {
	p := project{t, t.TempDir(), kitEnvironment(t)}
	for file, content := range map[string]string{
		"go.mod":                                "module example.com/library\n\ngo 1.25.0\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + absolute(t, root) + "\n",
		"buf.yaml":                              kitBuf,
		"buf.gen.yaml":                          kitBufGen,
		"proto/library/v1/book_service.proto":   kitProto,
		"third_party/jobs/v1/job_service.proto": kitThirdParty,
		"ci/check.sh":                           readText(t, filepath.Join(root, "ci", "check.sh")),
		// The plugin of this project is the one on PATH.
		"buf.gen.strict.yaml": strings.ReplaceAll(readText(t, filepath.Join(root, "ci", "buf.gen.strict.yaml")),
			"[go, tool, protoc-gen-grpcservice]", "protoc-gen-grpcservice"),
	} {
		step{path: file, text: content}.write(t, p.dir)
	}
	p.must("buf", "generate")
	p.must("go", "mod", "tidy")
	p.commit("The library")
	return p
}

// commit creates a repository and commits all files of the project.
func (p project) commit(message string) {
	p.t.Helper()
	p.git("init", "--quiet", "--initial-branch", "main")
	p.git("config", "user.name", "Ada")
	p.git("config", "user.email", "ada@example.com")
	p.git("add", "--all")
	p.git("commit", "--quiet", "--message", message)
}

const (
	kitBuf    = "version: v2\nmodules:\n  - path: third_party\n  - path: proto\n    lint: {use: [STANDARD]}\nbreaking: {use: [WIRE_JSON, RPC_NO_DELETE, PACKAGE_SERVICE_NO_DELETE]}\n"
	kitBufGen = `version: v2
inputs:
  - directory: proto
plugins:
  - {local: protoc-gen-go, out: gen, opt: paths=source_relative}
  - {local: protoc-gen-grpcservice, out: gen, opt: paths=source_relative}
  - {local: protoc-gen-grpcservice, out: ., opt: [paths=source_relative, emit=skeleton, skeleton_dir=internal/service], strategy: all}
`
	kitProto = `syntax = "proto3";

package library.v1;

option go_package = "example.com/library/gen/library/v1;libraryv1";

// BookService serves the catalogue of one library.
service BookService {
  // GetBook returns one book, or NOT_FOUND.
  rpc GetBook(GetBookRequest) returns (GetBookResponse);
}

message GetBookRequest {
  string isbn = 1;
}

message GetBookResponse {
  string title = 1;
  int32 year = 2;
}

message FindBookRequest {}

message FindBookResponse {}
`
	// kitThirdParty is a third-party proto that a project imports; the project does not implement
	// its service.
	kitThirdParty = `syntax = "proto3";

package jobs.v1;

option go_package = "example.com/jobs/v1;jobsv1";

service JobService {
  rpc GetJob(GetJobRequest) returns (GetJobResponse);
}

message GetJobRequest {}

message GetJobResponse {}
`
)

// kitEnvironment returns the environment of the project's commands: buf and the plugins are on the
// PATH, and this plugin is the one of the checkout.
func kitEnvironment(t *testing.T) []string {
	t.Helper()
	for _, tool := range []string{"buf", "protoc-gen-go", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool)
		}
	}
	bin, err := pluginOfCheckout()
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOFLAGS=-trimpath", "GOWORK=off", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
}

// pluginOfCheckout builds the plugin and returns the directory that holds it.
var pluginOfCheckout = sync.OnceValues(func() (string, error) {
	bin, err := os.MkdirTemp(scratch, "bin")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", bin, "./cmd/protoc-gen-grpcservice")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

// in returns the project for the test t.
func (p project) in(t *testing.T) project { return project{t, p.dir, p.env} }

// check runs the script and returns its output.
func (p project) check(base string) (string, error) { return p.command("sh", "ci/check.sh", base) }

func (p project) git(args ...string) { p.t.Helper(); p.must("git", args...) }

func (p project) must(name string, args ...string) {
	p.t.Helper()
	if out, err := p.command(name, args...); err != nil {
		p.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (p project) command(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// replace replaces old with new in a file; if old is empty, new becomes the whole content.
func (p project) replace(file, old, new string) {
	p.t.Helper()
	before := ""
	if old != "" {
		before = readText(p.t, filepath.Join(p.dir, file))
	}
	after := strings.Replace(before, old, new, 1)
	if after == before {
		p.t.Fatalf("%s has no %q", file, old)
	}
	step{path: file, text: after}.write(p.t, p.dir)
}

func readText(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
