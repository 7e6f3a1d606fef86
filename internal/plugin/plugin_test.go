package plugin_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/plugin"
)

// TestRun checks how Run treats arguments and input that is not a valid request.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		stdin  io.Reader
		code   int
		stdout string // prefix
		stderr string // substring
	}{
		{name: "version", args: []string{"--version"}, stdout: "protoc-gen-grpcservice "},
		{name: "help", args: []string{"--help"}, stdout: "protoc-gen-grpcservice is a plugin for buf and protoc"},
		{name: "unknown argument", args: []string{"-x"}, code: 2, stderr: `unknown argument "-x"; want --version, --help, --export DIR, --template NAME or no argument`},
		{name: "two arguments", args: []string{"--help", "--version"}, code: 2, stderr: `unknown arguments ["--help" "--version"]`},
		{name: "export without a directory", args: []string{"--export"}, code: 2, stderr: `unknown argument "--export"; want --version, --help, --export DIR, --template NAME or no argument`},
		{name: "template", args: []string{"--template", "name.go.tmpl"}, stdout: "{{- /* templates: v1 */ -}}\n{{- /* gotype: "},
		{name: "unknown template", args: []string{"--template", "names"}, code: 2, stderr: `template "names" does not exist; want one of app.go.tmpl, `},
		{name: "terminal", stdin: terminal{}, code: 2, stderr: "run this program from buf or protoc"},
		{name: "damaged request", stdin: strings.NewReader("hello"), code: 1, stderr: "standard input is not a request"},
		{name: "broken pipe", stdin: brokenReader{}, code: 1, stderr: "read the request: broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := plugin.Run(plugin.Env{Args: tt.args, Stdin: tt.stdin, Stdout: &stdout, Stderr: &stderr})
			if code != tt.code {
				t.Errorf("the exit code is %d, want %d", code, tt.code)
			}
			if !strings.HasPrefix(stdout.String(), tt.stdout) || (tt.stdout == "") != (stdout.Len() == 0) {
				t.Errorf("stdout is %q, want %q…", &stdout, tt.stdout)
			}
			if !strings.Contains(stderr.String(), tt.stderr) || (tt.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stderr is %q, want …%q…", &stderr, tt.stderr)
			}
		})
	}
}

func TestRunReportsThatNobodyReads(t *testing.T) {
	var stderr bytes.Buffer
	code := plugin.Run(plugin.Env{Stdin: strings.NewReader(""), Stdout: brokenWriter{}, Stderr: &stderr})
	if want := "write the response: broken"; code != 1 || !strings.Contains(stderr.String(), want) {
		t.Errorf("the exit code is %d and stderr %q, want 1 and %q", code, &stderr, want)
	}
}

// terminal is a reader that looks like a terminal.
type terminal struct{ io.Reader }

func (terminal) Stat() (fs.FileInfo, error) { return terminalInfo{}, nil }

type terminalInfo struct{ fs.FileInfo }

func (terminalInfo) Mode() fs.FileMode { return fs.ModeDevice | fs.ModeCharDevice }

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// TestDamagedDescriptors checks that the response to a request that no compiler produces is an
// error.
func TestDamagedDescriptors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(*pluginpb.CodeGeneratorRequest)
		want   string
	}{
		{"no descriptor", func(r *pluginpb.CodeGeneratorRequest) { r.ProtoFile = nil }, "no descriptor for generated file: a.proto"},
		{"file twice", func(r *pluginpb.CodeGeneratorRequest) {
			r.FileToGenerate = nil
			r.ProtoFile = append(r.ProtoFile, r.ProtoFile[0])
		}, `duplicate file name: "a.proto"`},
		{"unknown type", func(r *pluginpb.CodeGeneratorRequest) {
			r.ProtoFile[0].Service[0].Method[0].InputType = proto.String(".x.Missing")
		}, "x.Missing"},
		{"no syntax of today", func(r *pluginpb.CodeGeneratorRequest) {
			r.ProtoFile[0].Syntax = proto.String("editions")
			r.ProtoFile[0].Edition = descriptorpb.Edition_EDITION_99999_TEST_ONLY.Enum()
		}, "99999"},
		{"no edition", func(r *pluginpb.CodeGeneratorRequest) {
			renamed("cmd/protoc-gen-go/testdata/a.proto")(r) // protobuf checks no editions there
			r.ProtoFile[0].Syntax = proto.String("editions")
		}, "its edition is EDITION_UNKNOWN"},
		{"control character in the path", renamed("a\n//go:generate x\n.proto"), `holds '\n'`},
		{"control character in the directory", func(r *pluginpb.CodeGeneratorRequest) {
			renamed("a\nfunc init() {}\n/a.proto")(r)
			r.Parameter = proto.String("paths=import")
		}, `holds '\n'`},
		{"path that is not UTF-8", renamed("\xff.proto"), "is not UTF-8"},
		{"path that leaves", renamed("../a.proto"), "leaves the output directory"},
		{"absolute path", renamed("/a.proto"), "is an absolute path"},
		{"path of Windows", renamed(`c:\a.proto`), `holds ':'`},
		{"path that leaves in the end", renamed("a/../../b.proto"), "leaves the output directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := readCase(t, "paths_source_relative").request(t)
			request.ProtoFile[0].Name = proto.String("a.proto")
			request.FileToGenerate = []string{"a.proto"}
			tt.damage(request)
			if got := run(t, request); !strings.Contains(got.err, tt.want) {
				t.Errorf("the error is %q, want …%q…", got.err, tt.want)
			}
		})
	}
}

// renamed changes the path of the file in a request.
func renamed(path string) func(*pluginpb.CodeGeneratorRequest) {
	return func(r *pluginpb.CodeGeneratorRequest) {
		r.ProtoFile[0].Name = proto.String(path)
		r.FileToGenerate = []string{path}
	}
}

// TestNoSourceInfo checks that errors name the file if the request has no source info.
func TestNoSourceInfo(t *testing.T) {
	request := readCase(t, "torture_dupmethod").request(t)
	for _, file := range request.ProtoFile {
		file.SourceCodeInfo = nil
	}
	want := "dupmethod/d.proto: rpc S.GetUser: its Go name GetUser is also that of rpc get_user (dupmethod/d.proto); rename one of them"
	if got := run(t, request).err; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

// TestProcess checks the exit codes of the binary, and that its standard output holds only the
// response.
func TestProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "protoc-gen-grpcservice.exe")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/protoc-gen-grpcservice").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	empty := t.TempDir()
	process := func(stdin []byte, args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Dir = empty // in this checkout, the plugin would warn about protos of other modules
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(stdin), &out, &errs, time.Minute
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), out.String(), errs.String()
	}

	request, err := proto.Marshal(readCase(t, "no_rpcs").request(t))
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := process(request)
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal([]byte(stdout), response); err != nil || code != 0 || len(response.File) != 4 {
		t.Errorf("the exit code is %d, stdout is a response with %d files (%v), want 0 and 4", code, len(response.File), err)
	}
	if want := readFile(t, filepath.Join(testdata, "no_rpcs/want/warnings")); stderr != want {
		t.Errorf("stderr is %q, want %q", stderr, want)
	}
	if code, stdout, stderr := process([]byte("hello")); code != 1 || stdout != "" || stderr == "" {
		t.Errorf("a damaged request gives the exit code %d, stdout %q and stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := process(nil, "--wrong"); code != 2 || stdout != "" || stderr == "" {
		t.Errorf("a wrong argument gives the exit code %d, stdout %q and stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := process(nil, "--version"); code != 0 || !strings.HasPrefix(stdout, "protoc-gen-grpcservice ") || stderr != "" {
		t.Errorf("--version gives the exit code %d, stdout %q and stderr %q", code, stdout, stderr)
	}
}
