package skeleton

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/golang"
)

const (
	messages = "example.com/gen/library/v1"
	services = "example.com/gen/library/v1/libraryv1service"
	pagePath = "github.com/grpcservice/grpcservice/runtime/page"
)

func message(name string) golang.Ident {
	return golang.Ident{Name: name, Package: "libraryv1", Path: messages}
}

// rpc returns a method as templates render it. The kind is one of unary, server, client, bidi and
// page.
func rpc(name, kind string) Method {
	m := Method{Name: name, Input: message(name + "Request"), Output: message(name + "Response"),
		StreamsRequests: kind == "client" || kind == "bidi", StreamsResponses: kind == "server" || kind == "bidi"}
	m.Render = func(f golang.Frame) (string, error) {
		unimplemented := fmt.Sprintf("%s(%s, %q)", f.Ident(golang.Ident{Name: "Unimplemented", Package: "runtime", Path: runtimePath}),
			f.Ident(golang.Ident{Name: "BookServiceName", Package: "libraryv1service", Path: services}), name)
		body := "return nil, " + unimplemented
		if m.StreamsResponses {
			body = fmt.Sprintf("return func(yield func(*%s, error) bool) {\nyield(nil, %s)\n}", f.Ident(m.Output), unimplemented)
		}
		if kind == "page" {
			body = fmt.Sprintf("return %s.Serve(ctx, req, %s(func(ctx %s, after *string, limit int) ([]*%s, error) { return nil, %s }))",
				f.Ident(golang.Ident{Name: "BookService" + name, Package: "libraryv1service", Path: services}), f.Ident(golang.Ident{Name: "Keyset", Package: "page", Path: pagePath}),
				f.Ident(contextIdent), f.Ident(message("Book")), unimplemented)
		}
		return fmt.Sprintf("// %s does what its name says.\n%s {\n// TODO: do it\n%s\n}", name, m.head(f), body), nil
	}
	return m
}

// library returns a service with RPCs such as "GetBook unary".
func library(rpcs ...string) Service {
	svc := Service{
		Name: "library.v1.BookService", Type: "BookService", File: "book_service.go",
		Interface: golang.Ident{Name: "BookService", Package: "libraryv1service", Path: services},
		Decls: []Decl{
			{"BookService", func(f golang.Frame) (string, error) {
				return fmt.Sprintf("// BookService implements [%s].\ntype BookService struct{}", f.Ident(golang.Ident{Name: "BookService", Package: "libraryv1service", Path: services})), nil
			}},
			{"", func(f golang.Frame) (string, error) {
				return fmt.Sprintf("var _ %s = (*BookService)(nil)", f.Ident(golang.Ident{Name: "BookService", Package: "libraryv1service", Path: services})), nil
			}},
			{"NewBookService", func(golang.Frame) (string, error) {
				return "// NewBookService returns a BookService.\nfunc NewBookService() *BookService { return &BookService{} }", nil
			}},
		},
	}
	for _, r := range rpcs {
		name, kind, _ := strings.Cut(r, " ")
		svc.Methods = append(svc.Methods, rpc(name, kind))
	}
	return svc
}

// directory returns a package from names and contents in turn.
func directory(files ...string) Package {
	p := Package{Dir: "internal/service", Name: "service", ImportPath: "example.com/internal/service",
		Doc: []string{"Package service implements the services of library.v1."}, Files: make(map[string][]byte)}
	for i := 0; i < len(files); i += 2 {
		p.Files[files[i]] = []byte(files[i+1])
	}
	return p
}

// mergeTwice merges, checks the invariants of every merge, and returns the files of the result as
// one text, and its problems.
func mergeTwice(t testing.TB, p Package, services []Service, read Reader) (files map[string]string, problems []string) {
	t.Helper()
	result := Merge(p, services, read)
	checkFiles(t, p, result)
	checkAgain(t, p, services, read, result)
	files = make(map[string]string)
	for name, content := range result.Files {
		files[name] = string(content)
	}
	if err := result.Problems.Err(); err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			problems = append(problems, "error: "+text)
		}
	}
	for _, problem := range result.Problems.Warnings() {
		problems = append(problems, problem.Error())
	}
	for _, problem := range problems {
		if strings.ContainsAny(problem, "\n\r") {
			t.Errorf("the problem has more than one line: %q", problem)
		}
	}
	return files, problems
}

// checkFiles checks that each file parses, that no code of the user is lost, and that formatted
// files stay formatted.
func checkFiles(t testing.TB, p Package, result Result) {
	t.Helper()
	for name, content := range result.Files {
		if _, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ParseComments); err != nil {
			t.Errorf("the result does not parse: %v\n%s", err, content)
		}
		old, found := p.Files[name]
		if !isSubsequence(old, content) {
			t.Errorf("%s has lost something; it was\n%s\nand is\n%s", name, old, content)
		}
		if formatted, err := format.Source(old); found && (err != nil || !bytes.Equal(old, formatted)) {
			continue
		}
		if formatted, _ := format.Source(content); !bytes.Equal(formatted, content) {
			t.Errorf("%s is not formatted any more (-is +should):\n%s", name, cmp.Diff(string(content), string(formatted)))
		}
	}
}

// checkAgain checks that a second run changes nothing, and that all runs return the same.
func checkAgain(t testing.TB, p Package, services []Service, read Reader, result Result) {
	t.Helper()
	if again := Merge(p, services, read); !cmp.Equal(again, result) {
		t.Errorf("another run differs (-first +second):\n%s", cmp.Diff(result, again))
	}
	p.Files = maps.Clone(p.Files)
	maps.Copy(p.Files, result.Files)
	for name, content := range Merge(p, services, read).Files {
		t.Errorf("the second run changes %s (-first +second):\n%s", name, cmp.Diff(string(p.Files[name]), string(content)))
	}
}

// only returns the content of the single changed file.
func only(t testing.TB, files map[string]string, name string) string {
	t.Helper()
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{name}) {
		t.Fatalf("the files %q are new or changed, want %q alone", names, name)
	}
	return files[name]
}

// wantText checks a text.
func wantText(t testing.TB, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		t.Errorf("the text is wrong (-want +got):\n%s", diff)
	}
}

// wantProblems compares problems, each by a part of its text.
func wantProblems(t testing.TB, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("there are %d problems, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("problem %d is\n%s\nwant in it\n%s", i, got[i], want[i])
		}
	}
}
