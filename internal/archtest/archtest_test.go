// Package archtest checks which packages may import which.
package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const self = "github.com/grpcservice/grpcservice"

// TestPluginLinksNoGRPC keeps the plugin small and fast to start. Of the runtime it links the
// checks of policies, the names of workloads that these check, and the names of metrics.
func TestPluginLinksNoGRPC(t *testing.T) {
	shared := []string{self + "/runtime/policy", self + "/runtime/internal/spiffe", self + "/runtime/metric"}
	for _, dep := range dependencies(t, self+"/cmd/...") {
		if within(dep, "google.golang.org/grpc") || within(dep, self+"/runtime") && !slices.Contains(shared, dep) {
			t.Errorf("the plugin links %s", dep)
		}
	}
}

// TestRuntimeDependsOnLittle checks that the core adds no dependencies beyond those of grpc.
func TestRuntimeDependsOnLittle(t *testing.T) {
	for _, dep := range dependencies(t, self+"/runtime/...") {
		switch {
		case within(dep, "google.golang.org/grpc"), within(dep, "google.golang.org/protobuf"),
			within(dep, "google.golang.org/genproto/googleapis/rpc"), within(dep, "golang.org/x"):
		case within(dep, self+"/runtime"), dep == self+"/proto/grpcservice/v1":
		default:
			t.Errorf("the runtime depends on %s", dep)
		}
	}
}

// TestRuntimeLinksNoXDS checks that only the module runtime/xds links grpc's xDS client and load
// reports.
func TestRuntimeLinksNoXDS(t *testing.T) {
	const grpc = "google.golang.org/grpc"
	for _, dep := range dependencies(t, self+"/...") {
		for _, xds := range []string{grpc + "/xds", grpc + "/internal/xds", grpc + "/orca"} {
			if within(dep, xds) {
				t.Errorf("the core links %s; only runtime/xds may", dep)
			}
		}
	}
}

// TestRuntimeLayers checks that the packages that both sides of a call use are below them: the
// table and the errors import neither server nor client, and these two do not import each other.
func TestRuntimeLayers(t *testing.T) {
	const rt = self + "/runtime"
	never := map[string][]string{
		rt:                       {rt + "/server", rt + "/client"},
		rt + "/server":           {rt + "/client"},
		rt + "/client":           {rt + "/server"},
		rt + "/rpcerr":           {rt, rt + "/server", rt + "/client", rt + "/policy"},
		rt + "/policy":           {rt, rt + "/server", rt + "/client", rt + "/rpcerr"},
		rt + "/metric":           {rt, rt + "/server", rt + "/client", rt + "/rpcerr", rt + "/policy"},
		rt + "/internal/callctx": {rt, rt + "/server", rt + "/client"},
		rt + "/internal/rpc":     {rt, rt + "/server", rt + "/client"},
	}
	for pkg, forbidden := range never {
		for _, path := range dependencies(t, pkg) {
			if slices.Contains(forbidden, path) && path != pkg {
				t.Errorf("%s depends on %s", pkg, path)
			}
		}
	}
}

// TestRuntimeIsSmall limits the exported API of the package that generated code imports to what a
// person can read at once.
func TestRuntimeIsSmall(t *testing.T) {
	const most = 60
	if names := exported(t, "../../runtime"); len(names) > most {
		t.Errorf("package runtime exports %d names, at most %d: %q", len(names), most, names)
	}
}

// TestRuntimeImportsNoGolangX checks that the runtime depends on golang.org/x only through grpc.
func TestRuntimeImportsNoGolangX(t *testing.T) {
	for pkg, imports := range importsOf(t, self+"/runtime/...") {
		for _, path := range imports {
			if within(path, "golang.org/x") {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}

// TestGeneratorArrows checks that imports in the generator go one way: plugin to model and gen, gen
// to templates and model, all of them to policy, and policy to pattern.
func TestGeneratorArrows(t *testing.T) {
	const options = self + "/proto/grpcservice/v1"
	allowed := map[string][]string{
		self + "/templates":              {},
		self + "/proto":                  {},
		self + "/proto/grpcservice/v1":   {},
		self + "/runtime/policy":         {options, self + "/runtime/internal/spiffe"},
		self + "/internal/diag":          {},
		self + "/internal/golang":        {},
		self + "/internal/gofmt":         {},
		self + "/internal/workspace":     {self + "/internal/diag", self + "/internal/golang", self + "/internal/gomod"},
		self + "/internal/pattern":       {options, self + "/internal/pattern/shape", self + "/runtime/policy"},
		self + "/internal/pattern/shape": {self + "/runtime/policy"},
		self + "/internal/policy":        {options, self + "/internal/diag", self + "/internal/pattern", self + "/runtime/policy"},
		self + "/internal/model":         {self + "/internal/diag", self + "/internal/golang", self + "/internal/pattern", self + "/internal/pattern/shape", self + "/internal/policy", self + "/runtime/policy"},
		self + "/internal/gen":           {self + "/internal/diag", self + "/internal/pattern/table", self + "/internal/gofmt", self + "/internal/golang", self + "/templates", self + "/internal/gen/typecheck", self + "/internal/gen/view", self + "/internal/model", self + "/internal/policy"},
		self + "/internal/gen/typecheck": {},
		self + "/internal/gen/view":      {self + "/internal/golang", self + "/internal/model", self + "/internal/pattern/shape", self + "/runtime/policy"},
		self + "/internal/apidoc":        {self + "/internal/apidoc/markup", self + "/internal/golang", self + "/internal/model", self + "/runtime/policy"},
		self + "/internal/apidoc/markup": {},
		self + "/internal/apidoc/pages":  {self + "/internal/apidoc", self + "/internal/apidoc/markup", self + "/templates"},
		self + "/internal/deploy":        {self + "/internal/diag", self + "/runtime/policy", self + "/runtime/metric"},
		self + "/internal/skeleton":      {self + "/internal/diag", self + "/internal/golang"},
		self + "/internal/prune":         {options, self + "/internal/pattern", self + "/internal/pattern/shape"},
		self + "/internal/plugin": {self + "/internal/prune", self + "/internal/workspace", self + "/internal/pattern/table", self + "/internal/diag", self + "/internal/golang", self + "/internal/model", self + "/internal/gen", self + "/internal/policy", self + "/internal/skeleton", self + "/internal/deploy", self + "/internal/apidoc", self + "/internal/apidoc/pages",
			self + "/proto", options},
		self + "/internal/bufproject":        {self + "/internal/gomod"},
		self + "/internal/cli":               {},
		self + "/internal/diff":              {},
		self + "/internal/gomod":             {},
		self + "/internal/migrate":           {self + "/internal/cli", self + "/internal/diff", self + "/internal/gomod"},
		self + "/internal/doctor":            {self + "/internal/bufproject", self + "/internal/cli"},
		self + "/internal/scaffold":          {options, self + "/internal/bufproject", self + "/internal/cli", self + "/internal/diff", self + "/internal/golang", self + "/internal/plugin"},
		self + "/cmd/protoc-gen-grpcservice": {self + "/internal/plugin", self + "/internal/workspace", self + "/internal/doctor", self + "/internal/migrate", self + "/internal/scaffold"},
	}
	const shared = self + "/internal/lazyregexp"
	for pkg, want := range allowed {
		for _, path := range importsOf(t, pkg)[pkg] {
			if within(path, self) && path != shared && !slices.Contains(want, path) {
				t.Errorf("%s imports %s; it may import %q of this module", pkg, path, want)
			}
		}
	}
}

// TestRegexpsAreLazy checks that no package of the plugin compiles regular expressions when it
// starts.
func TestRegexpsAreLazy(t *testing.T) {
	const lazy = self + "/internal/lazyregexp"
	files := list(t, "-deps", "-f", `{{if not .Standard}}{{range .GoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}
{{end}}{{end}}`, self+"/cmd/protoc-gen-grpcservice")
	for line := range strings.Lines(files) {
		pkg, file, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || !within(pkg, self) || pkg == lazy {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("regexp.MustCompile(")) {
			t.Errorf("%s compiles a regular expression; use %s", file, lazy)
		}
	}
}

// TestPatternArrows checks that only the table imports the patterns, and that the code that uses
// the table imports none of them.
func TestPatternArrows(t *testing.T) {
	const patterns = self + "/internal/pattern/"
	shared := []string{patterns + "shape", patterns + "table"}
	for pkg, imports := range importsOf(t, self+"/internal/...") {
		if within(pkg, self+"/internal/pattern") {
			continue
		}
		for _, path := range imports {
			if strings.HasPrefix(path, patterns) && !slices.Contains(shared, path) {
				t.Errorf("%s imports %s; what it needs of the pattern belongs in its row", pkg, path)
			}
		}
	}
}

// dependencies returns all packages that the packages matching pattern depend on, without the
// standard library.
func dependencies(t *testing.T, pattern string) []string {
	t.Helper()
	return strings.Fields(list(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pattern))
}

// importsOf returns the imports of each package matching pattern, without those of tests.
func importsOf(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	imports := make(map[string][]string)
	for line := range strings.Lines(list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", pattern)) {
		words := strings.Fields(line)
		imports[words[0]] = words[1:]
	}
	return imports
}

func list(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %q: %v", args, err)
	}
	return string(out)
}

// within reports whether a package is root or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// exported returns the names that the package in a directory exports, without methods.
func exported(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, object := range file.Scope.Objects {
			if ast.IsExported(name) && object.Kind != ast.Bad && !strings.HasSuffix(path, "_test.go") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
