package plugin_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	gengo "google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// The tests below run what users run on their code: the go command and staticcheck. They run on one
// module that holds all code generated from testdata, with the messages of protoc-gen-go and with
// starter code. Each command gets all packages at once, so it loads their common dependencies once.

func TestGeneratedCodeVets(t *testing.T) { generatedModule(t).mustRun(t, "go", "vet", "./...") }

func TestGeneratedCodeVetsWithOpaqueMessages(t *testing.T) {
	module := generatedModule(t)
	module.mustRun(t, "go", append([]string{"vet", "-tags=protoopaque"}, module.opaquePackages(t)...)...)
}

func TestGeneratedCodePassesStaticcheck(t *testing.T) { checkStatically(t, generatedModule(t)) }

func TestGeneratedCodeHasNothingToGenerate(t *testing.T) {
	module := generatedModule(t)
	args := append([]string{"generate", "-n"}, module.packages()...)
	if out := module.mustRun(t, "go", args...); out != "" {
		t.Errorf("go generate would run:\n%s", out)
	}
}

func TestGeneratedCodeRuns(t *testing.T) { // vetted by TestGeneratedCodeVets
	generatedModule(t).mustRun(t, "go", "test", "-vet=off", patternTests,
		"./skeleton/skeleton_new", "./skeleton/skeleton_streams", "./skeleton/kinds")
}

func TestGeneratedCodeRunsWithOpaqueMessages(t *testing.T) {
	generatedModule(t).mustRun(t, "go", "test", "-vet=off", "-tags=protoopaque", patternTests)
}

func TestGeneratedProgramServes(t *testing.T) {
	checkProgram(t, generatedModule(t), "./skeleton/skeleton_new/cmd/server", checkUnimplemented)
}

// TestGeneratedProgramServesHTTP checks that the program of the parameter web_port reads the
// variable that the Deployment sets, and serves without it.
func TestGeneratedProgramServesHTTP(t *testing.T) {
	const program = "./skeleton/skeleton_web/cmd/server"
	checkProgram(t, generatedModule(t), program, checkHTTP, "WEB_ADDR=127.0.0.1:0")
	checkProgram(t, generatedModule(t), program, func(t *testing.T, at addresses) {
		if at.Web != "" {
			t.Errorf("without WEB_ADDR, it serves HTTP at %s", at.Web)
		}
	})
}

// generated is the module that the tests share. The first test that needs it writes it.
var generated struct {
	once   sync.Once
	module goModule
	failed bool
}

// generatedModule returns the module that the tests of generated code share. Tests must not change
// it.
func generatedModule(t *testing.T) goModule {
	t.Helper()
	generated.once.Do(func() {
		generated.failed = true // in case one of these calls stops the test
		generated.module = writeModule(t)
		generated.module.skeletons = writeSkeletons(t, generated.module)
		writePatternTests(t, generated.module)
		writeReferences(t, generated.module)
		generated.failed = false
	})
	if generated.failed {
		t.Fatal("the module of all generated code could not be written; see the first test that needs it")
	}
	return generated.module
}

// checkStatically runs staticcheck on the plugin's output, except on starter code that must refer
// to something deprecated in its proto.
func checkStatically(t *testing.T, module goModule) {
	staticcheck := os.Getenv("STATICCHECK")
	if staticcheck == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("the variable STATICCHECK has to name a staticcheck binary where CI is true")
		}
		return
	}
	current := slices.DeleteFunc(slices.Clone(module.skeletons), func(pkg string) bool { return namesDeprecated(t, pkg) })
	module.mustRun(t, staticcheck, append(module.packages(), current...)...)
}

// TestHandshakeWithAnOlderRuntime checks the compile error that users get if their runtime is older
// than their generated code requires.
func TestHandshakeWithAnOlderRuntime(t *testing.T) {
	const file = "kinds/library/v1/libraryv1service/book_service.grpcservice.go"
	module := generatedModule(t)
	newer := strings.Replace(module.files[file], "runtime.IsAtLeastVersion0_1", "runtime.IsAtLeastVersion0_999", 1)
	if want := "go get -u github.com/grpcservice/grpcservice\nconst _ = runtime.IsAtLeastVersion0_999"; !strings.Contains(newer, want) {
		t.Errorf("the line that does not compile has no advice above it")
	}
	out, err := module.run("go", "build", "-overlay="+overlay(t, module, file, newer), "./"+path.Dir(file))
	if want := "undefined: runtime.IsAtLeastVersion0_999"; err == nil || !strings.Contains(out, want) {
		t.Errorf("go build prints %q (%v), want %q", out, err, want)
	}
}

// overlay returns the name of an overlay file for the go command that replaces the content of one
// file of the module.
func overlay(t *testing.T, module goModule, file, content string) string {
	t.Helper()
	dir := t.TempDir()
	table, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(module.dir, filepath.FromSlash(file)): filepath.Join(dir, "file.go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	writeTree(t, dir, map[string]string{"file.go": content, "overlay.json": string(table)})
	return filepath.Join(dir, "overlay.json")
}

// goModule is a Go module on disk.
type goModule struct {
	dir       string
	files     map[string]string // the plugin's output
	skeletons []string          // packages of starter code, as arguments of the go command
}

// writeModule writes the generated code of all test cases into one module.
func writeModule(t *testing.T) goModule {
	t.Helper()
	module := goModule{dir: filepath.Join(scratch, "generated"), files: make(map[string]string)}
	for _, c := range testCases(t) {
		request := c.request(t)
		wanted := run(t, request)
		if wanted.err != "" {
			continue
		}
		request.Parameter = proto.String(without(c.options, placing...))
		files := run(t, request).files
		checkSameContents(t, c, wanted.files, files)
		root := "" // the prefix of the paths in files
		if request.Parameter != nil && strings.HasPrefix(request.GetParameter(), "import_path=") {
			root = strings.TrimPrefix(request.GetParameter(), "import_path=") + "/"
		}
		for file, content := range files {
			module.files[strings.TrimPrefix(root+file, "example.com/")] = content
		}
		writeTree(t, module.dir, messages(t, c, request))
	}
	writeTree(t, module.dir, module.files)
	writeTree(t, module.dir, map[string]string{
		"go.mod": goMod(t), "go.sum": goSum(t),
	})
	return module
}

// placing lists the parameters that select outputs, and place them.
var placing = []string{
	"paths", "module", "emit", "report", "strict", "skeleton_dir", "app", "deploy_dir", "deploy_parts", "app_name",
	"image", "port", "web_port", "tls_secret", "callers", "endpointslices", "namespace",
}

// without returns options without the parameters of the given names.
func without(options string, names ...string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(options, ","), func(param string) bool {
		name, _, _ := strings.Cut(param, "=")
		return slices.Contains(names, name)
	}), ",")
}

// checkSameContents checks that parameters that only select files and place them do not change
// their contents.
func checkSameContents(t *testing.T, c testCase, some, all map[string]string) {
	t.Helper()
	contents := make(map[string]bool)
	for _, content := range all {
		contents[content] = true
	}
	for file, content := range some {
		if !isReport(file) && !isUsers(file) && !isAdapters(file) && !contents[content] {
			t.Errorf("%s: %s has another content than without %s", c.name, file, c.options)
		}
	}
}

// isUsers reports whether a file is in the directory user of a test case. The plugin does not write
// all of those files in each run.
func isUsers(file string) bool { return strings.Contains(file, "/user/") }

// isAdapters reports whether a file is in a package of adapters. internal/e2e compiles them, since
// they need the output of protoc-gen-go-grpc.
func isAdapters(file string) bool { return strings.HasSuffix(path.Dir(file), "servicegogrpc") }

// messages returns the output of protoc-gen-go for the request.
func messages(t *testing.T, c testCase, request *pluginpb.CodeGeneratorRequest) map[string]string {
	t.Helper()
	request.Parameter = proto.String(without(request.GetParameter(), "package_suffix", "import_path", "policy", "strict", "templates"))
	gen, err := protogen.Options{}.New(request)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	for _, f := range gen.Files {
		if f.Generate {
			gengo.GenerateFile(gen, f)
		}
	}
	files := make(map[string]string)
	for _, file := range gen.Response().File {
		if strings.HasSuffix(file.GetName(), ".go") {
			files[strings.TrimPrefix(file.GetName(), "example.com/")] = file.GetContent()
		}
	}
	return files
}

// nestedModules lists the modules besides the root module that generated code imports, as
// directories of the checkout.
var nestedModules = []string{"runtime/grpcotel", "runtime/grpcprom", "runtime/operation", "runtime/otlp", "runtime/web"}

// requirement matches a line of a go.mod that requires a module.
var requirement = regexp.MustCompile(`(?m)^(?:require )?\s*([\w./~-]+\.[\w./~-]+) (v[\w.+-]+)`)

// goMod returns the go.mod of a user's module. It has the requirements of the nested modules, in the
// highest version, and replaces all modules with this checkout. The requirements of the root module
// besides are those of the plugin and of its tests.
func goMod(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const self = "github.com/grpcservice/grpcservice"
	versions := make(map[string]string)
	text := "module example.com\n\ngo 1.26.0\n"
	for _, dir := range append([]string{"."}, nestedModules...) {
		module := path.Join(self, dir)
		text += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, filepath.Join(root, dir))
		if dir == "." {
			continue
		}
		for _, found := range requirement.FindAllStringSubmatch(readFile(t, filepath.Join(root, dir, "go.mod")), -1) {
			if module, version := found[1], found[2]; !strings.HasPrefix(module, self) && compareVersions(version, versions[module]) > 0 {
				versions[module] = version
			}
		}
	}
	for _, module := range slices.Sorted(maps.Keys(versions)) {
		text += "\nrequire " + module + " " + versions[module]
	}
	return text + "\n"
}

// goSum returns the go.sum of the same module.
func goSum(t *testing.T) (text string) {
	t.Helper()
	for _, dir := range append([]string{"."}, nestedModules...) {
		text += readFile(t, filepath.Join("../..", dir, "go.sum"))
	}
	return text
}

// compareVersions compares two versions of a module, number by number. "" is before all others.
func compareVersions(a, b string) int {
	split := func(version string) []string {
		return strings.FieldsFunc(strings.TrimPrefix(version, "v"), func(r rune) bool { return r == '.' || r == '-' })
	}
	return slices.CompareFunc(split(a), split(b), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// packages returns the generated packages as arguments of the go command.
func (m goModule) packages() []string {
	var packages []string
	for file := range m.files {
		packages = append(packages, "./"+path.Dir(file))
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// goFlags lets all builds share the build cache with each other and with the Makefile: with
// -trimpath, the location of a package does not affect its build. Generated code is compiled
// without inlining, which halves the compile time, because helpers are instances of generic
// functions.
const goFlags = "GOFLAGS=-trimpath '-gcflags=example.com/...=-l'"

// opaquePackages returns the packages that the tag protoopaque changes: messages that protoc-gen-go
// wrote in two versions, the packages below them, and patternTests.
func (m goModule) opaquePackages(t *testing.T) []string {
	t.Helper()
	var packages []string
	err := filepath.WalkDir(m.dir, func(file string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(file, "_protoopaque.pb.go") {
			dir, _ := filepath.Rel(m.dir, filepath.Dir(file))
			packages = append(packages, "./"+filepath.ToSlash(dir)+"/...")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(packages)
	return append(slices.Compact(packages), patternTests)
}

// run runs a command in the module and returns its combined output.
func (m goModule) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), goFlags, "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (m goModule) mustRun(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := m.run(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, args[0], err, out)
	}
	return out
}
