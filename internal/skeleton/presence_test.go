package skeleton

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// imports is the import declaration of most test packages.
const imports = `package service
import (
	"context"
	lib "example.com/gen/library/v1"
	gen "example.com/gen/library/v1/libraryv1service"
)
`

const asserted = imports + "var _ gen.BookService = (*BookService)(nil)\n"

// The signatures of RPCs in the test packages.
const (
	get = "GetBook(context.Context, *lib.GetBookRequest) (*lib.GetBookResponse, error)"
	put = "PutBook(context.Context, *lib.PutBookRequest) (*lib.PutBookResponse, error)"
)

// addedMethods returns "file: receiver.Method" for each method that a result adds.
func addedMethods(t *testing.T, p Package, files map[string]string) (list []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		old := make(map[string]bool)
		for _, method := range methodsIn(t, string(p.Files[name])) {
			old[method] = true
		}
		for _, method := range methodsIn(t, files[name]) {
			if !old[method] {
				list = append(list, name+": "+method)
			}
		}
	}
	return list
}

func methodsIn(t *testing.T, src string) (list []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "", src, 0)
	if err != nil {
		return nil
	}
	for _, decl := range tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil {
			base, _ := receiverOf(fn.Recv)
			list = append(list, base+"."+fn.Name.Name)
		}
	}
	return list
}

// TestPresent checks packages with and without a form of GetBook. PutBook is always missing.
func TestPresent(t *testing.T) {
	const stub = " { return nil, nil }\n"
	const own = "a.go: BookService.PutBook"
	module := func(path string) (map[string][]byte, bool) {
		if path != "example.com/internal/store" {
			return nil, false
		}
		return map[string][]byte{"s.go": []byte(strings.Replace(imports, "service", "store", 1) +
			"type Store struct{ *deep }\ntype deep struct{}\nfunc (d *deep) " + get + stub)}, true
	}
	tests := []struct {
		name     string
		files    []string
		added    string // the methods, separated by spaces
		problems []string
	}{
		{"pointer receiver", []string{"a.go", asserted + "type BookService struct{}\nfunc (s *BookService) " + get + stub}, own, nil},
		{"value receiver", []string{"a.go", asserted + "type BookService struct{}\nfunc (s BookService) " + get + stub}, own, nil},
		{"no name of receiver", []string{"a.go", asserted + "type BookService struct{}\nfunc (*BookService) " + get + stub}, own, nil},
		{"parentheses", []string{"a.go", asserted + "type BookService struct{}\nfunc (s *(BookService)) " + get + stub}, own, nil},
		{"generic", []string{"a.go", imports + "type BookService[K comparable, V any] struct{}\nvar _ gen.BookService = (*BookService[int, string])(nil)\nfunc (s *BookService[A, _]) " + get + stub}, own, nil},
		{"alias", []string{"a.go", asserted + "type BookService struct{}\ntype B = A\ntype A = BookService\nfunc (s *B) " + get + stub}, own, nil},
		{"aliases in a circle", []string{"a.go", asserted + "type BookService struct{}\ntype B = A\ntype A = B\nfunc (s *B) " + get + stub}, "a.go: BookService.GetBook " + own, nil},
		{"wanted name is an alias", []string{"a.go", asserted + "type BookService = books\ntype books struct{}\nfunc (s *books) " + get + stub}, "a.go: books.PutBook", nil},
		{"other file", []string{"a.go", asserted + "type BookService struct{}", "b.go", imports + "func (s *BookService) " + get + stub}, own, nil},
		{"test file", []string{"a.go", asserted + "type BookService struct{}", "b_test.go", imports + "func (s *BookService) " + get + stub}, own, nil},
		{"build tag", []string{"a.go", asserted + "type BookService struct{}", "b.go", "//go:build plan9 && !cgo\n\n" + imports + "func (s *BookService) " + get + stub}, own, nil},
		{"left out by a tag", []string{"a.go", asserted + "type BookService struct{}", "b.go", "//go:build ignore\n\n" + imports + "func (s *BookService) " + get + stub}, "a.go: BookService.GetBook " + own, nil},
		{"left out by its name", []string{"a.go", asserted + "type BookService struct{}", "_b.go", imports + "func (s *BookService) " + get + stub}, "a.go: BookService.GetBook " + own, nil},
		{"other type", []string{"a.go", asserted + "type BookService struct{}\ntype other struct{}\nfunc (s *other) " + get + stub}, "a.go: BookService.GetBook " + own, nil},
		{"embedded struct", []string{"a.go", asserted + "type BookService struct{ *base }\ntype base struct{ core }\ntype core struct{}\nfunc (core) " + get + stub}, own, nil},
		{"embedded by an underlying type", []string{"a.go", asserted + "type BookService base\ntype base struct{ core }\ntype core struct{}\nfunc (core) " + get + stub}, own, nil},
		{"underlying type", []string{"a.go", asserted + "type BookService base\ntype base struct{}\nfunc (base) " + get + stub}, "a.go: BookService.GetBook " + own, nil},
		{"embedded interface", []string{"a.go", asserted + "type BookService struct{ getter }\ntype getter interface{ any; reader }\ntype reader interface{ " + get + " }"}, own, nil},
		{"embedded generic type", []string{"a.go", asserted + "type BookService struct{ base[int] }\ntype base[T any] struct{}\nfunc (base[T]) " + get + stub}, own, nil},
		{"embedded alias", []string{"a.go", asserted + "type BookService struct{ base }\ntype base = core\ntype core struct{}\nfunc (core) " + get + stub}, own, nil},
		{"embedded in a circle", []string{"a.go", asserted + "type BookService struct{ *base }\ntype base struct{ *BookService }\nfunc (base) " + get + stub}, own, nil},
		{"embedded generated interface", []string{"a.go", asserted + "type BookService struct{ gen.BookService }"}, "", nil},
		{"embedded generated interface, in a struct", []string{"a.go", asserted + "type BookService struct{ *base }\ntype base struct{ gen.BookService }"}, "", nil},
		{"embedded unimplemented", []string{"a.go", asserted + "type BookService struct{ gen.UnimplementedBookService }"}, "a.go: BookService.GetBook " + own, nil},
		{"embedded standard library", []string{"a.go", strings.Replace(asserted, "import (", "import (\n\t\"sync\"", 1) + "type BookService struct{ sync.Mutex }"}, "a.go: BookService.GetBook " + own, nil},
		{"embedded from the module", []string{"a.go", strings.Replace(asserted, "import (", "import (\n\t\"example.com/internal/store\"", 1) + "type BookService struct{ *store.Store }"}, own, nil},
		{"embedded alias of the module's", []string{"a.go", strings.Replace(asserted, "import (", "import (\n\t\"example.com/internal/store\"", 1) + "type BookService struct{ Store }\ntype Store = store.Store"}, own, nil},
		{"embedded third party", []string{"a.go", strings.Replace(asserted, "import (", "import (\n\t\"example.org/x/go-third\"", 1) + "type BookService struct{ third.Party }\nfunc (s *BookService) " + get + stub}, "", []string{
			"internal/service/a.go:9:6: BookService embeds Party of example.org/x/go-third, whose methods the plugin cannot see; unless PutBook is one of them, add func (s *BookService) PutBook(ctx context.Context, req *lib.PutBookRequest) (*lib.PutBookResponse, error)"}},
		{"embedded with another signature", []string{"a.go", asserted + "type BookService struct{ store }\ntype store struct{}\nfunc (store) GetBook(id string) string"}, own, []string{
			"a.go:8:6: BookService has method GetBook from the embedded store, with a different signature than the RPC; remove the embedded type, or add func (s *BookService) GetBook(ctx context.Context, req *lib.GetBookRequest) (*lib.GetBookResponse, error)"}},
		{"field", []string{"a.go", asserted + "type BookService struct{ GetBook func() }"}, own, []string{"a.go:8:26: BookService cannot have a method GetBook for its RPC, because a field has that name"}},
		{"embedded type of the name", []string{"a.go", asserted + "type BookService struct{ *GetBook }\ntype GetBook struct{}"}, own, []string{"a.go:8:27: BookService cannot have a method GetBook"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := directory(tt.files...)
			files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary")}, module)
			if got := strings.Join(addedMethods(t, p, files), " "); got != tt.added {
				t.Errorf("added %q, want %q", got, tt.added)
			}
			wantProblems(t, problems, tt.problems...)
		})
	}
}

// TestFind checks packages in which the type can, or cannot, be found.
func TestFind(t *testing.T) {
	dot := strings.Replace(imports, "gen ", ". ", 1)
	tests := []struct {
		name     string
		files    []string
		added    string
		problems []string
	}{
		{"name", []string{"a.go", "package service\ntype BookService struct{}"}, "a.go: BookService.GetBook", nil},
		{"block of types", []string{"a.go", "package service\ntype (\n\tA struct{}\n\tBookService struct{}\n)"}, "a.go: BookService.GetBook", nil},
		{"pointer", []string{"a.go", imports + "var _ gen.BookService = (*Books)(nil)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"value", []string{"a.go", imports + "var _ gen.BookService = Books{}\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"address", []string{"a.go", imports + "var _ gen.BookService = &Books{}\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"new", []string{"a.go", imports + "var _ gen.BookService = new(Books)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"conversion", []string{"a.go", imports + "var _ = gen.BookService((*Books)(nil))\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"two at once", []string{"a.go", imports + "var _, _ gen.BookService = nil, (*Books)(nil)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"block of variables", []string{"a.go", imports + "var (\n\tx = 1\n\t_ gen.BookService = (*Books)(nil)\n)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"map", []string{"a.go", imports + "var _ gen.BookService = Books(nil)\ntype Books map[string]string"}, "a.go: Books.GetBook", nil},
		{"dot import", []string{"a.go", dot + "var _ BookService = (*Books)(nil)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"alias of the interface", []string{"a.go", imports + "type API = gen.BookService\nvar _ API = (*Books)(nil)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"asserted elsewhere", []string{"a.go", "package service\ntype Books struct{}", "b.go", imports + "var _ gen.BookService = (*Books)(nil)"}, "a.go: Books.GetBook", nil},
		{"asserted in a test", []string{"a.go", "package service\ntype Books struct{}", "b_test.go", imports + "var _ gen.BookService = (*Books)(nil)"}, "a.go: Books.GetBook", nil},
		{"fake in a test", []string{"b_test.go", imports + "var _ gen.BookService = (*fake)(nil)\ntype fake struct{}"}, "book_service.go: BookService.GetBook", nil},
		{"interface, and another type asserted", []string{"a.go", imports + "type BookService interface{}\nvar _ gen.BookService = (*Books)(nil)\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"decorator", []string{"a.go", imports + "var _ gen.BookService = (*cached)(nil)\nvar _ gen.BookService = (*Books)(nil)\ntype cached struct{ gen.BookService }\ntype Books struct{}"}, "a.go: Books.GetBook", nil},
		{"two that lack RPCs", []string{"a.go", imports + "var _ gen.BookService = (*A)(nil)\nvar _ gen.BookService = (*B)(nil)\ntype A struct{}\ntype B struct{}"}, "", []string{"a.go:10:6: types A and B implement library.v1.BookService"}},
		{"interface", []string{"a.go", "package service\ntype BookService interface{}"}, "", []string{"error: internal/service/a.go:2:6: type BookService is an interface"}},
		{"function type", []string{"a.go", "package service\ntype BookService func()"}, "", []string{"error: internal/service/a.go:2:6: type BookService is a function type"}},
		{"pointer type", []string{"a.go", "package service\ntype BookService *int"}, "", []string{"error: internal/service/a.go:2:6: type BookService is a pointer type"}},
		{"foreign alias", []string{"a.go", "package service\nimport \"net/http\"\ntype BookService = http.Server"}, "", []string{"error: internal/service/a.go:3:6: type BookService is an alias of a type of another package"}},
		{"unnamed alias", []string{"a.go", "package service\ntype BookService = struct{}"}, "", []string{"error: internal/service/a.go:2:6: type BookService is an alias"}},
		{"alias of itself", []string{"a.go", "package service\ntype BookService = BookService"}, "", []string{"error: internal/service/a.go:2:6: type BookService is an alias"}},
		{"function of the name", []string{"a.go", "package service\nfunc BookService() {}"}, "", []string{"error: internal/service/a.go:2:6: the name BookService is taken"}},
		{"type in a test", []string{"a_test.go", "package service\ntype BookService struct{}"}, "", []string{"error: internal/service/a_test.go:2:6: the name BookService is taken"}},
		{"dot import of the interface", []string{"a.go", dot}, "", []string{"error: internal/service/a.go:5:2: the name BookService is taken"}},
		{"import of the name", []string{"a.go", "package service\nimport BookService \"fmt\""}, "", []string{"error: internal/service/a.go:2:8: the name BookService is taken"}},
		{"of another version", []string{"a.go", "package service\nimport v2 \"example.com/gen/library/v2/libraryv2service\"\nvar _ v2.BookService = (*BookService)(nil)\ntype BookService struct{}"}, "", []string{"error: internal/service/a.go:4:6: type BookService implements the BookService of example.com/gen/library/v2/libraryv2service; library.v1.BookService needs a separate type"}},
		{"constructor taken", []string{"a.go", "package service\nfunc NewBookService() int { return 0 }"}, "book_service.go: BookService.GetBook", nil},
		{"file taken", []string{"book_service.go", "package service\n"}, "book_service_grpc.go: BookService.GetBook", nil},
		{"file taken in capitals", []string{"Book_Service.go", "package service\n", "book_service_GRPC.go", "package service\n"}, "book_service_grpc2.go: BookService.GetBook", nil},
		{"generated", []string{"a.go", "// Code generated by x. DO NOT EDIT.\n\npackage service\ntype BookService struct{}"}, "book_service.go: BookService.GetBook", []string{"a.go:3:9: the file that declares BookService is generated, so its missing methods go to internal/service/book_service.go"}},
		{"for two systems", []string{"book_service.go", "//go:build linux\n\npackage service\ntype BookService struct{}", "b.go", "//go:build !linux\n\npackage service\ntype BookService struct{}"}, "book_service_grpc.go: BookService.GetBook", nil},
		{"package of another name", []string{"a.go", "package books\n"}, "book_service.go: BookService.GetBook", nil},
		{"file of another package", []string{"a.go", "package service\n", "b.go", "package service\n", "c.go", "package other\ntype BookService struct{}"}, "book_service.go: BookService.GetBook", []string{"c.go:1:9: the file is in package other, and others in its directory are in package service"}},
		{"outside test", []string{"a_test.go", "package service_test\ntype BookService struct{}"}, "book_service.go: BookService.GetBook", nil},
		{"syntax error", []string{"a.go", "package service\ntype BookService struct{}", "b.go", "package service\nfunc {"}, "", []string{"internal/service/b.go:2:6: the file does not parse: "}},
		{"syntax error behind a line directive", []string{"b.go", "package service\n//line x.go:100\nfunc {"}, "", []string{"internal/service/b.go:3:6: the file does not parse: "}},
		{"empty file", []string{"b.go", ""}, "", []string{"internal/service/b.go:1:1: the file does not parse: "}},
		{"syntax error in a file that is left out", []string{"b.go", "//go:build ignore\n\npackage service\nfunc {"}, "book_service.go: BookService.GetBook", nil},
		{"Go's error is another", []string{"a.go", "package service\ntype error string\ntype BookService struct{}"}, "", []string{"a.go:2:6: error is declared here, so code that needs Go's error cannot be added to internal/service/a.go; rename it"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := directory(tt.files...)
			files, problems := mergeTwice(t, p, []Service{library("GetBook unary")}, nil)
			if got := strings.Join(addedMethods(t, p, files), " "); got != tt.added {
				t.Errorf("added %q, want %q", got, tt.added)
			}
			wantProblems(t, problems, tt.problems...)
		})
	}
}

// TestFindByMethods checks that a type of the wanted name is chosen if it has RPCs, asserted or
// not.
func TestFindByMethods(t *testing.T) {
	p := directory("a.go", imports+"type BookService struct{}\nfunc (BookService) "+put+"{}", "b.go",
		imports+"var _ gen.BookService = (*cached)(nil)\ntype cached struct{ gen.BookService }")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary")}, nil)
	wantProblems(t, problems)
	if got, want := strings.Join(addedMethods(t, p, files), " "), "a.go: BookService.GetBook"; got != want {
		t.Errorf("added %q, want %q", got, want)
	}
}

// TestBesideGenerated checks that there is only one file beside a generated one, even if RPCs are
// added several times.
func TestBesideGenerated(t *testing.T) {
	p := directory("a.go", "// Code generated by x. DO NOT EDIT.\n\npackage service\ntype BookService struct{}", "book_service.go",
		imports+"func (*BookService) "+put+"{}")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary")}, nil)
	wantProblems(t, problems, "a.go:3:9: the file that declares BookService is generated, so its missing methods go to internal/service/book_service.go")
	if got, want := strings.Join(addedMethods(t, p, files), " "), "book_service.go: BookService.GetBook"; got != want {
		t.Errorf("added %q, want %q", got, want)
	}
}
