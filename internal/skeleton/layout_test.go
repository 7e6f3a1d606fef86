package skeleton

import (
	"fmt"
	"go/build"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// TestBytes checks the details of a file that Go ignores: line ends, byte order mark, and the end
// of the file.
func TestBytes(t *testing.T) {
	const head = "package service\n\nimport (\n\t\"context\"\n\n\tlibraryv1 \"example.com/gen/library/v1\"\n\t\"example.com/gen/library/v1/libraryv1service\"\n" +
		"\t\"github.com/grpcservice/grpcservice/runtime\"\n)\n\n"
	const body = "// GetBook does what its name says.\nfunc (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {\n" +
		"\t// TODO: do it\n\treturn nil, runtime.Unimplemented(libraryv1service.BookServiceName, \"GetBook\")\n}\n"
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	tests := []struct{ name, before, after string }{
		{"plain", head + "type BookService struct{}\n", head + "type BookService struct{}\n\n" + body},
		{"no end of line", head + "type BookService struct{}", head + "type BookService struct{}\n\n" + body},
		{"comment at the end", head + "type BookService struct{} // x", head + "type BookService struct{} // x\n\n" + body},
		{"empty lines at the end", head + "type BookService struct{}\n\n\n", head + "type BookService struct{}\n\n\n" + body},
		{"byte order mark", "\uFEFF" + head + "type BookService struct{}\n", "\uFEFF" + head + "type BookService struct{}\n\n" + body},
		{"carriage returns", crlf(head + "type BookService struct{}\n"), crlf(head + "type BookService struct{}\n\n" + body)},
		{"carriage returns, no end of line", crlf(head + "type BookService struct{}"), crlf(head + "type BookService struct{}\n\n" + body)},
		{"carriage returns, imports", crlf("package service\n\nimport \"context\" // c\n\ntype BookService struct{}\n"),
			crlf("package service\n\nimport \"context\" // c\n\n" + strings.Replace(head[strings.Index(head, "import"):], "\t\"context\"\n\n", "", 1) + "type BookService struct{}\n\n" + body)},
		{"carriage returns in a comment", "package service\r\n/*\r\n\r\n*/\r\nimport (\r\n\t\"fmt\" /*\r\n\r\n\r\n*/\r\n)\r\ntype BookService struct{}\r\n", ""},
		{"line directive", "//line x.go:1\n" + head + "//line y.go:1\ntype BookService struct{}\n", "//line x.go:1\n" + head + "//line y.go:1\ntype BookService struct{}\n\n" + body},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, problems := mergeTwice(t, directory("a.go", tt.before), []Service{library("GetBook unary")}, nil)
			wantProblems(t, problems)
			if got := only(t, files, "a.go"); tt.after != "" && got != tt.after {
				t.Errorf("the text is wrong (-want +got):\n%s", cmp.Diff(tt.after, got))
			}
		})
	}
}

// TestReceivers checks that methods have the same receivers as the user's methods.
func TestReceivers(t *testing.T) {
	const value = "var _ gen.BookService = BookService{}\n"
	tests := []struct{ name, code, want string }{
		{"none", "type BookService struct{}", "(s *BookService)"},
		{"other name", "type BookService struct{}\nfunc (b *BookService) f() {}", "(b *BookService)"},
		{"most of all", "type BookService struct{}\nfunc (b *BookService) f() {}\nfunc (x *BookService) g() {}\nfunc (x *BookService) h() {}", "(x *BookService)"},
		{"blank", "type BookService struct{}\nfunc (_ *BookService) f() {}\nfunc (*BookService) g() {}", "(s *BookService)"},
		{"name that the code has", "type BookService struct{}\nfunc (req *BookService) f() {}", "(s *BookService)"},
		{"type parameter of the name", "type BookService[s any] struct{}", "(svc *BookService[s])"},
		{"values", "type BookService struct{}\nfunc (b BookService) f() {}", "(b BookService)"},
		{"both", "type BookService struct{}\nfunc (b BookService) f() {}\nfunc (b *BookService) g() {}", "(b *BookService)"},
		{"asserted value", "type BookService struct{}\n" + value, "(s BookService)"},
		{"asserted value, generic", "type BookService[K comparable, V any] struct{}\nvar _ gen.BookService = BookService[int, int]{}", "(s BookService[K, V])"},
		{"asserted pointer", asserted[len(imports):] + "type BookService struct{}\nfunc (b BookService) f() {}", "(b *BookService)"},
		{"name of an import", "type BookService struct{}\nfunc (context *BookService) f() {}", "(context *BookService) GetBook(ctx context2.Context"},
		{"type parameter of an import's name", "type BookService[lib any] struct{}", "GetBook(ctx context.Context, req *libraryv1.GetBookRequest)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, problems := mergeTwice(t, directory("a.go", imports+tt.code), []Service{library("GetBook unary")}, nil)
			wantProblems(t, problems)
			_, method, _ := strings.Cut(only(t, files, "a.go"), "// GetBook does")
			if !strings.Contains(method, tt.want) {
				t.Errorf("the method is\n%s\nwant in it\n%s", method, tt.want)
			}
		})
	}
}

// TestTests checks the file with the tests of a new type.
func TestTests(t *testing.T) {
	svc := library("GetBook unary")
	svc.Tests = []Decl{{"TestBookService", func(f golang.Frame) (string, error) {
		return fmt.Sprintf("func TestBookService(t *%s) { %s() }", f.Ident(golang.Ident{Name: "T", Package: "testing", Path: "testing"}), f.Own("NewBookService")), nil
	}}}
	const inside = "import (\n\t\"testing\"\n)\n\nfunc TestBookService(t *testing.T) { NewBookService() }\n"
	const outside = "package service_test\n\nimport (\n\t\"testing\"\n\n\t\"example.com/internal/service\"\n)\n\nfunc TestBookService(t *testing.T) { service.NewBookService() }\n"
	tests := []struct {
		name  string
		files []string
		path  string
		want  string
	}{
		{"outside", nil, "example.com/internal/service", outside},
		{"unknown path", nil, "", "package service\n\n" + inside},
		{"main", []string{"main.go", "package main\n"}, "example.com/internal/service", "package main\n\n" + inside},
		{"package has another name", []string{"a.go", "package books\n"}, "example.com/internal/service", strings.NewReplacer("service_test", "books_test", "\"example", "books \"example", "service.", "books.").Replace(outside)},
		{"name taken by the tests", []string{"a_test.go", "package service_test\nvar service = 1"}, "example.com/internal/service", strings.NewReplacer("\"example", "internalservice \"example", "service.", "internalservice.").Replace(outside)},
		{"file is there", []string{"book_service_test.go", "package service_test\n"}, "example.com/internal/service", ""},
		{"test is there", []string{"a_test.go", "package service_test\nfunc TestBookService(){}"}, "example.com/internal/service", ""},
		{"type is there", []string{"a.go", "package service\ntype BookService struct{}"}, "example.com/internal/service", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := directory(tt.files...)
			p.ImportPath = tt.path
			files, problems := mergeTwice(t, p, []Service{svc}, nil)
			wantProblems(t, problems)
			wantText(t, files["book_service_test.go"], tt.want)
		})
	}
}

// TestTwoServices checks that one type may implement two services, and that two services cannot
// request one new type.
func TestTwoServices(t *testing.T) {
	shelf := library("GetBook unary", "GetShelf unary")
	shelf.Name, shelf.File, shelf.Interface.Name = "library.v1.ShelfService", "shelf_service.go", "ShelfService"
	p := directory("a.go", imports+"var _ gen.BookService = (*All)(nil)\nvar _ gen.ShelfService = (*All)(nil)\ntype All struct{}\nfunc (*All) "+put+"{}")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary"), shelf}, nil)
	wantProblems(t, problems)
	if got, want := strings.Join(addedMethods(t, p, files), " "), "a.go: All.GetBook a.go: All.GetShelf"; got != want {
		t.Errorf("added %q, want %q", got, want)
	}
	files, problems = mergeTwice(t, directory(), []Service{library("GetBook unary"), shelf}, nil)
	only(t, files, "book_service.go")
	wantProblems(t, problems, "error: internal/service/book_service.go: the name BookService is taken, and no type of the package implements library.v1.ShelfService")
	shelf.Type = "ShelfService"
	shelf.Decls = []Decl{{"ShelfService", func(golang.Frame) (string, error) { return "type ShelfService struct{}", nil }}}
	files, problems = mergeTwice(t, directory(), []Service{library("GetBook unary"), shelf}, nil)
	wantProblems(t, problems)
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{"book_service.go", "shelf_service.go"}) || strings.Contains(files["shelf_service.go"], "// Package") {
		t.Errorf("the files are %q; want two, and the package's doc in the first only:\n%s", names, files["shelf_service.go"])
	}
}

// TestEmbeddedService checks that an embedded interface of another service provides the methods of
// that service only.
func TestEmbeddedService(t *testing.T) {
	shelf := library("GetShelf unary", "GetBook unary")
	shelf.Name, shelf.Type, shelf.File, shelf.Interface.Name = "library.v1.ShelfService", "Shelves", "shelf_service.go", "ShelfService"
	p := directory("a.go", imports+"type BookService struct{ gen.ShelfService }\ntype Shelves struct { gen.ShelfService }")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary"), shelf}, nil)
	wantProblems(t, problems)
	if got, want := strings.Join(addedMethods(t, p, files), " "), "a.go: BookService.PutBook"; got != want {
		t.Errorf("added %q, want %q", got, want)
	}
}

// TestTemplateErrors checks that invalid code is an error and changes nothing.
func TestTemplateErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"error", "", "EOF"},
		{"syntax", "func (s *BookService) GetBook() {", "it does not parse"},
		{"other method", "func (s *BookService) Get() {}", "it must declare method GetBook of BookService and nothing else"},
		{"other type", "func (s *Books) GetBook() {}", "it must declare"},
		{"more", "func (s *BookService) GetBook() {}\nvar x int", "it must declare"},
		{"nothing", "// GetBook", "it must declare"},
		{"import", "import \"fmt\"\nfunc (s *BookService) GetBook() {}", "it must declare"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			svc := library("GetBook unary")
			svc.Methods[0].Render = func(golang.Frame) (string, error) {
				if tt.text == "" {
					return "", io.EOF
				}
				return tt.text, nil
			}
			files, problems := mergeTwice(t, directory("a.go", "package service\ntype BookService struct{}"), []Service{svc}, nil)
			if len(files) > 0 {
				t.Errorf("there are files: %q", files)
			}
			wantProblems(t, problems, "error: internal/service/a.go: the template's code cannot be added: ")
			if !strings.Contains(problems[0], tt.want) {
				t.Errorf("the problem is %s, want %s in it", problems[0], tt.want)
			}
		})
	}
}

// TestFileNames compares the names of new files with the rules of go/build.
func TestFileNames(t *testing.T) {
	tests := []struct{ wanted, want string }{
		{"book_service.go", "book_service.go"},
		{"test.go", "test.go"},
		{"linux.go", "linux.go"},
		{"book_test.go", "book_test_grpc.go"},
		{"book_windows.go", "book_windows_grpc.go"},
		{"book_linux_arm64.go", "book_linux_arm64_grpc.go"},
		{"book_linux_test.go", "book_linux_test_grpc.go"},
		{"book_windows.v1.go", "book_windows_v1.go"},
		{"book.v1.go", "book.v1.go"},
		{"book.v1_test.go", "book_v1_test_grpc.go"},
		{"_book.go", "book.go"},
	}
	for _, platform := range []string{"linux", "wasm", "arm64be", "zos"} {
		tests = append(tests, struct{ wanted, want string }{"a_" + platform + ".go", "a_" + platform + "_grpc.go"})
	}
	context := build.Default
	context.GOOS, context.GOARCH = "nosuch", "nosuch"
	context.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("package p\n")), nil }
	for _, tt := range tests {
		files, problems := mergeTwice(t, directory(), []Service{{Name: "a.B", Type: "B", File: tt.wanted, Interface: golang.Ident{Name: "B", Package: "b", Path: "example.com/b"},
			Decls: []Decl{{"B", func(golang.Frame) (string, error) { return "type B struct{}", nil }}}}}, nil)
		wantProblems(t, problems)
		only(t, files, tt.want)
		if built, err := context.MatchFile("", tt.want); err != nil || !built || strings.HasSuffix(tt.want, "_test.go") {
			t.Errorf("Go does not build %s everywhere: %v", tt.want, err)
		}
	}
}

// TestLeftOut checks which build constraints exclude a file from the package.
func TestLeftOut(t *testing.T) {
	tests := []struct {
		head string
		want bool
	}{
		{"//go:build ignore\n\n", true},
		{"//go:build linux && ignore\n\n", true},
		{"//go:build (ignore || ignore) && !x\n\n", true},
		{"//go:build !(!ignore || x)\n\n", true},
		{"// +build ignore\n\n", true},
		{"// +build ignore\n// +build x\n\n", true},
		{"/* ignore */ //go:build ignore\n", true},
		{"//go:build ignore || linux\n\n", false},
		{"//go:build !ignore\n\n", false},
		{"//go:build x && !(y && ignore)\n\n", false},
		{"//go:build linux\n// +build ignore\n\n", false},
		{"// +build ignore x\n\n", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := isLeftOut([]byte(tt.head + "package p\n//go:build ignore\n")); got != tt.want {
			t.Errorf("%q is left out: %v, want %v", tt.head, got, tt.want)
		}
	}
}
