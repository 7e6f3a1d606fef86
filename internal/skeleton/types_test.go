package skeleton

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// checker type-checks packages. Imports of generated code and of the runtime are fictitious; the
// standard library is real.
type checker struct {
	fset     *token.FileSet
	standard types.Importer
	made     map[string]*types.Package

	empty, full map[string]*types.Package // with an interface that every type implements, and with all RPCs in it
}

func newChecker() *checker {
	fset := token.NewFileSet()
	return &checker{fset: fset, standard: importer.ForCompiler(fset, "gc", nil)}
}

func (c *checker) Import(path string) (*types.Package, error) {
	if p := c.made[path]; p != nil {
		return p, nil
	}
	return c.standard.Import(path)
}

// use makes packages import either the packages with the empty interface or those with the full
// one.
func (c *checker) use(t testing.TB, emptyInterface bool) {
	t.Helper()
	made := &c.full
	if emptyInterface {
		made = &c.empty
	}
	if *made == nil {
		c.makeAll(t, libraryOf(0xff), emptyInterface)
		*made = c.made
	}
	c.made = *made
}

// makeAll creates the packages that code for a service imports.
func (c *checker) makeAll(t testing.TB, svc Service, emptyInterface bool) {
	t.Helper()
	c.made = make(map[string]*types.Package)
	var lib, iface, unimplemented strings.Builder
	fmt.Fprint(&lib, "package libraryv1\ntype Book struct{}\n")
	f := golang.Frame{Ident: func(id golang.Ident) string { return id.Package + "." + id.Name }}
	for _, m := range svc.Methods {
		fmt.Fprintf(&lib, "type %s struct{}\ntype %s struct{}\n", m.Input.Name, m.Output.Name)
		if !emptyInterface {
			fmt.Fprintf(&iface, "%s\n", m.Signature(f))
		}
		fmt.Fprintf(&unimplemented, "func (UnimplementedBookService) %s { panic(1) }\n", m.Signature(f))
		fmt.Fprintf(&unimplemented, "var BookService%s = page.Of[libraryv1.%s, *libraryv1.%s]()\n", m.Name, m.Input.Name, m.Output.Name)
	}
	for _, p := range [][2]string{
		{runtimePath, "package runtime\nimport \"iter\"\ntype Stream[T any] = iter.Seq2[*T, error]\nfunc Unimplemented(a, b string) error { return nil }"},
		{pagePath, "package page\nimport \"context\"\ntype Source[K, T any] struct{}\ntype M[Q, R any] struct{}\nfunc Of[Q, R any]() M[Q, R] { return M[Q, R]{} }\n" +
			"func Keyset[K, T any](func(context.Context, *K, int) ([]T, error)) any { return nil }\nfunc (M[Q, R]) Serve(context.Context, *Q, any) (r R, err error) { return }"},
		{messages, lib.String()},
		{services, "package libraryv1service\nimport (\n\"context\"\n\"" + messages + "\"\n\"" + runtimePath + "\"\n\"" + pagePath + "\"\n)\nvar _ context.Context\nvar _ libraryv1.Book\n" +
			"var _ runtime.Stream[int]\nvar _ = page.Of[int, int]()\nconst BookServiceName = \"x\"\ntype BookService interface {\n" + iface.String() + "}\ntype UnimplementedBookService struct{}\n" + unimplemented.String()},
	} {
		made, err := c.check(p[0], map[string][]byte{"x.go": []byte(p[1])})
		if err != nil {
			t.Fatal(err)
		}
		c.made[p[0]] = made
	}
}

// check type-checks a package, without tests and files for other platforms.
func (c *checker) check(path string, files map[string][]byte) (*types.Package, error) {
	var trees []*ast.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "_test.go") || isLeftOut(files[name]) {
			continue
		}
		tree, err := parser.ParseFile(c.fset, name, files[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
	return (&types.Config{Importer: c, FakeImportC: true}).Check(path, c.fset, trees, nil)
}

// TestTypes adds services to packages of the standard library in many ways, and checks that the
// packages still compile.
func TestTypes(t *testing.T) {
	c := newChecker()
	const ways = 3 // the other packages have a third of the variants each
	for i, dir := range []string{"strings", "bufio", "container/list", "flag", "errors", "context", "iter"} {
		files := goFiles(t, filepath.Join(build.Default.GOROOT, "src", dir))
		for variant := range len(variants) {
			if i > 0 && variant%ways != i%ways {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", dir, variant), func(t *testing.T) {
				p := Package{Dir: dir, Name: "service", ImportPath: "example.com/" + dir, Files: files}
				if compiled := checkRuns(t, c, p, variant, "", 0b010110, 0b111111); compiled != 2 {
					t.Errorf("it was compiled after %d of 2 runs", compiled)
				}
			})
		}
	}
}

// goFiles returns the Go files of a directory that this platform builds.
func goFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	p, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range p.GoFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = content
	}
	return files
}

// variants are forms of the implementing type: text at the end of one of the user's files, and a
// file. PKG is the package's name.
var variants = []struct{ tail, file string }{
	{},
	{tail: "type BookService struct{}"},
	{tail: "type Zbooks struct{}", file: "package PKG\nimport g \"" + services + "\"\nvar _ g.BookService = (*Zbooks)(nil)\n"},
	{file: "package PKG\nimport g \"" + services + "\"\nvar _ g.BookService = Zbooks[int]{}\ntype Zbooks[s any] struct{ x s }\n"},
	{file: "package PKG\nimport (\n\tzctx \"context\"\n\n\t. \"" + services + "\"\n\treq \"" + messages + "\"\n)\nvar _ BookService = new(Zbooks)\ntype Zbooks struct{ UnimplementedBookService }\n" +
		"func (z *Zbooks) Rpc1(zctx.Context, *req.Rpc1Request) (*req.Rpc1Response, error) { panic(1) }"},
	{file: "package PKG\r\n\r\n// T\r\ntype BookService = zbooks\r\n\r\ntype zbooks []string // x"},
	{tail: "type BookService zunder\ntype zunder struct{ zembedded }", file: "//go:build !never\n\npackage PKG\n\nimport \"context\"\nimport \"" + messages + "\"\n\ntype zembedded struct{}\n" +
		"func (zembedded) Rpc2(context.Context, *libraryv1.Rpc2Request) (*libraryv1.Rpc2Response, error) { panic(1) }\nfunc (page *BookService) zhelper() {}"},
	{file: "package PKG\nimport \"" + services + "\"\ntype BookService struct{ libraryv1service.BookService }\n"},
	{file: "// Code generated by zzz. DO NOT EDIT.\n\npackage PKG\n\ntype BookService struct{}\n"},
}

// kinds are the kinds of the RPCs Rpc0, Rpc1 and so on.
var kinds = []string{"unary", "unary", "unary", "server", "bidi", "page"}

// libraryOf returns the service with the RPCs of a set of bits.
func libraryOf(bits uint8) Service {
	var rpcs []string
	for i, kind := range kinds {
		if bits&(1<<i) != 0 {
			rpcs = append(rpcs, fmt.Sprintf("Rpc%d %s", i, kind))
		}
	}
	return library(rpcs...)
}

// checkRuns merges a service into a package, and another version of the service into the result. It
// returns the number of runs after which the package could be compiled.
func checkRuns(t testing.TB, c *checker, p Package, variant int, file string, sets ...uint8) (compiled int) {
	t.Helper()
	v := variants[variant%len(variants)]
	p.Files = maps.Clone(p.Files)
	names := slices.Sorted(maps.Keys(p.Files))
	if file == "" {
		file = names[len(names)/2]
	}
	if v.tail != "" {
		p.Files[file] = slices.Concat(p.Files[file], []byte("\n"+v.tail))
	}
	if v.file != "" {
		name := ""
		if tree, err := parser.ParseFile(token.NewFileSet(), "", p.Files[file], parser.PackageClauseOnly); err == nil {
			name = tree.Name.Name
		}
		p.Files["zz.go"] = []byte(strings.ReplaceAll(v.file, "PKG", name))
	}
	for _, bits := range sets {
		svc := libraryOf(bits)
		c.use(t, true)
		_, before := c.check(p.ImportPath, p.Files)
		result := Merge(p, []Service{svc}, nil)
		checkFiles(t, p, result)
		checkAgain(t, p, []Service{svc}, nil, result)
		maps.Copy(p.Files, result.Files)
		if result.Problems.Err() != nil || slices.ContainsFunc(result.Problems, func(w diag.Problem) bool {
			return !strings.Contains(w.Text, "is generated") && !strings.Contains(w.Text, "is gone")
		}) {
			continue
		}
		checkOnce(t, p, svc, variant%len(variants))
		if before != nil {
			continue
		}
		checkCompiles(t, c, p, svc, result)
		compiled++
	}
	return compiled
}

// checkCompiles checks that a package type-checks with the interface as it is.
func checkCompiles(t testing.TB, c *checker, p Package, svc Service, result Result) {
	t.Helper()
	c.use(t, true)
	if _, err := c.check(p.ImportPath, p.Files); err != nil {
		t.Errorf("it does not compile any more: %v\n%s", err, result.Files)
	}
	if len(svc.Methods) != len(kinds) {
		return
	}
	c.use(t, false)
	if _, err := c.check(p.ImportPath, p.Files); err != nil {
		t.Errorf("it does not implement the service: %v\n%s", err, result.Files)
	}
}

// checkOnce checks that each RPC has one method in the package.
func checkOnce(t testing.TB, p Package, svc Service, variant int) {
	t.Helper()
	count := make(map[string]int)
	for _, src := range p.Files {
		tree, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, decl := range tree.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil {
				count[fn.Name.Name]++
			}
		}
	}
	const embedsAll = 7
	for _, m := range svc.Methods {
		if want := 1; variant != embedsAll && count[m.Name] != want {
			t.Errorf("there are %d methods %s, want %d", count[m.Name], m.Name, want)
		}
	}
}
