package skeleton

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// TestImports checks how the imports of a file change, and the package names in the added code. The
// file ends with a type; the code has variables ctx and req.
func TestImports(t *testing.T) {
	const (
		all = `import (
	"context"

	libraryv1 "example.com/gen/library/v1"
	"example.com/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
)
`
		signature = "func (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {"
	)
	signed := func(replacements ...string) string { return strings.NewReplacer(replacements...).Replace(signature) }
	tests := []struct {
		name, before, after string // up to the type
		line                string // the first line of the method
		files               []string
	}{
		{"none", "package service\n\n", "package service\n\n" + all + "\n", signature, nil},
		{"none, and a comment", "package service // import \"x\"\n\n// T\n", "package service // import \"x\"\n\n" + all + "\n// T\n", signature, nil},
		{"none, and one line", "package service; ", "package service\n\n" + all[:len(all)-1] + "; ", signature, nil},
		{"none, and a comment of lines", "package service /*\n*/\n", "package service\n\n" + all[:len(all)-1] + " /*\n*/\n", signature, nil},
		{"empty block", "package service\n\nimport ()\n\n", "package service\n\nimport (\n" + strings.TrimPrefix(all, "import (\n") + "\n", signature, nil},
		{"one line", "package service\n\nimport \"fmt\" // why\n\n", "package service\n\nimport \"fmt\" // why\n\n" + all + "\n", signature, nil},
		{"cgo", "package service\n\n// int x;\nimport \"C\"\n\n", "package service\n\n// int x;\nimport \"C\"\n\n" + all + "\n", signature, nil},
		{"cgo after a block", "package service\n\nimport (\n\t\"fmt\"\n)\n\n// int x;\nimport \"C\"\n\n", strings.Replace("package service\n\n"+all+"\n// int x;\nimport \"C\"\n\n", "\"context\"\n", "\"context\"\n\t\"fmt\"\n", 1), signature, nil},
		{"cgo in a block", "package service\n\nimport (\n\t\"fmt\"\n\t// int x;\n\t\"C\"\n)\n\n", "package service\n\nimport (\n\t\"fmt\"\n\t// int x;\n\t\"C\"\n)\n\n" + all + "\n", signature, nil},
		{"one missing", "package service\n\n" + strings.Replace(all, "\t\"context\"\n\n", "", 1) + "\n", "package service\n\n" + all + "\n", signature, nil},
		{"one missing, no block", "package service\n\nimport \"context\"\nimport libraryv1 \"example.com/gen/library/v1\"\nimport \"example.com/gen/library/v1/libraryv1service\"\n\n",
			"package service\n\nimport \"context\"\nimport libraryv1 \"example.com/gen/library/v1\"\nimport \"example.com/gen/library/v1/libraryv1service\"\n\nimport \"github.com/grpcservice/grpcservice/runtime\"\n\n", signature, nil},
		{"groups", "package service\n\nimport (\n\t\"fmt\" // f\n\n\t\"github.com/a/b\"\n\n\t// own\n\t\"example.com/gen/a\"\n\t// more\n\t\"example.com/zoo\"\n)\n\n",
			"package service\n\nimport (\n\t\"context\"\n\t\"fmt\" // f\n\n\t\"github.com/a/b\"\n\t\"github.com/grpcservice/grpcservice/runtime\"\n\n\t// own\n\t\"example.com/gen/a\"\n\tlibraryv1 \"example.com/gen/library/v1\"\n\t\"example.com/gen/library/v1/libraryv1service\"\n\t// more\n\t\"example.com/zoo\"\n)\n\n", signature, nil},
		{"no groups", "package service\n\nimport (\n\t\"fmt\"\n\t\"github.com/a/b\"\n)\n\n",
			"package service\n\nimport (\n\t\"context\"\n\tlibraryv1 \"example.com/gen/library/v1\"\n\t\"example.com/gen/library/v1/libraryv1service\"\n\t\"fmt\"\n\t\"github.com/a/b\"\n\t\"github.com/grpcservice/grpcservice/runtime\"\n)\n\n", signature, nil},
		{"block on a line", "package service\n\nimport (\"fmt\"; \"os\")\n\n", "package service\n\nimport (\"fmt\"; \"os\"\n" + strings.TrimPrefix(all, "import (\n") + "\n", signature, nil},
		{"block with a comment of lines", "package service\n\nimport (\n\t\"fmt\" /*\n*/)\n\n", "package service\n\nimport (\n\t\"fmt\" /*\n*/\n" + strings.TrimPrefix(all, "import (\n") + "\n", signature, nil},
		{"block with a comment at its end", "package service\n\nimport (\n\t\"fmt\"\n\t// end\n)\n\n",
			"package service\n\nimport (\n\t\"context\"\n\t\"fmt\"\n\t// end\n\n" + all[strings.Index(all, "\tlibraryv1"):] + "\n", signature, nil},
		{"comment of lines in the block", "package service\n\nimport (\n\t\"os\" /* a\n*/\n\t\"fmt\"\n)\n\n",
			"package service\n\nimport (\n\t\"context\"\n\t\"os\" /* a\n*/\n\t\"fmt\"\n\n" + all[strings.Index(all, "\tlibraryv1"):] + "\n", signature, nil},
		{"other names", "package service\n\nimport (\n\tctxpkg \"context\"\n\trt \"github.com/grpcservice/grpcservice/runtime\"\n\tpb \"example.com/gen/library/v1\"\n\tg \"example.com/gen/library/v1/libraryv1service\"\n)\n\n",
			"", signed("context.", "ctxpkg.", "libraryv1.", "pb."), nil},
		{"dots", "package service\n\nimport (\n\t. \"context\"\n\t. \"github.com/grpcservice/grpcservice/runtime\"\n\t. \"example.com/gen/library/v1\"\n\tg \"example.com/gen/library/v1/libraryv1service\"\n)\n\n",
			"", signed("context.", "", "libraryv1.", ""), nil},
		{"blank", strings.Replace("package service\n\n"+all+"\n", "\"context\"", "_ \"context\"", 1),
			strings.Replace("package service\n\n"+all+"\n", "\"context\"\n", "\"context\"\n\t_ \"context\"\n", 1), signature, nil},
		{"hidden by a variable", strings.Replace("package service\n\n"+all+"\n", "libraryv1 ", "req ", 1),
			strings.Replace("package service\n\n"+all+"\n", "libraryv1 \"example.com/gen/library/v1\"", "libraryv1 \"example.com/gen/library/v1\"\n\treq \"example.com/gen/library/v1\"", 1), signature, nil},
		{"name of another import", strings.NewReplacer("\t\"context\"\n", "\t\"runtime\"\n", "\t\"github.com/grpcservice/grpcservice/runtime\"\n", "").Replace("package service\n\n" + all + "\n"),
			strings.NewReplacer("\t\"context\"\n", "\t\"context\"\n\t\"runtime\"\n", "\t\"github.com/grpc", "\tgrpcserviceruntime \"github.com/grpc").Replace("package service\n\n" + all + "\n"), signature, nil},
		{"name of a type", "package service\n\ntype libraryv1 int\n", "package service\n\n" + strings.Replace(all, "libraryv1 ", "librarylibraryv1 ", 1) + "\ntype libraryv1 int\n", signed("libraryv1.", "librarylibraryv1."), nil},
		{"name in a test", "package service\n\n", "package service\n\n" + strings.Replace(all, "libraryv1 ", "librarylibraryv1 ", 1) + "\n", signed("libraryv1.", "librarylibraryv1."), []string{"x_test.go", "package service\nvar libraryv1 = 1"}},
		{"name of a function", "package service\n\n", "package service\n\n" + strings.Replace(all, "libraryv1 ", "libraryv12 ", 1) + "\n", signed("libraryv1.", "libraryv12."), []string{"x.go", "package service\nfunc libraryv1() {}\nconst librarylibraryv1 = 1"}},
		{"name of an import by custom", "package service\n\nimport (\n\t\"x.org/go-libraryv1\"\n)\n\n", "package service\n\nimport (\n\t\"context\"\n\n\tlibrarylibraryv1 \"example.com/gen/library/v1\"\n\t\"example.com/gen/library/v1/libraryv1service\"\n\t\"github.com/grpcservice/grpcservice/runtime\"\n\t\"x.org/go-libraryv1\"\n)\n\n", signed("libraryv1.", "librarylibraryv1."), nil},
		{"name of an import that nobody can know", "package service\n\nimport (\n\t\"x.org/y\"\n)\n\nvar _ = libraryv1.X\n", "package service\n\nimport (\n\t\"context\"\n\n\tlibrarylibraryv1 \"example.com/gen/library/v1\"\n\t\"example.com/gen/library/v1/libraryv1service\"\n\t\"github.com/grpcservice/grpcservice/runtime\"\n\t\"x.org/y\"\n)\n\nvar _ = libraryv1.X\n", signed("libraryv1.", "librarylibraryv1."), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := directory(append(tt.files, "a.go", tt.before+"type BookService struct{}\n")...)
			files, problems := mergeTwice(t, p, []Service{library("GetBook unary")}, nil)
			wantProblems(t, problems)
			got, method, _ := strings.Cut(only(t, files, "a.go"), "type BookService struct{}\n")
			if tt.after == "" {
				tt.after = tt.before
			}
			if diff := cmp.Diff(tt.after, got); diff != "" {
				t.Errorf("the imports are wrong (-want +got):\n%s", diff)
			}
			if !strings.Contains(method, tt.line) {
				t.Errorf("the method is\n%s\nwant in it\n%s", method, tt.line)
			}
		})
	}
}

// TestImportedByItsPath checks that an import has a name if the last element of its path suggests
// another.
func TestImportedByItsPath(t *testing.T) {
	svc := library("GetBook unary")
	m := &svc.Methods[0]
	m.Input = golang.Ident{Name: "Request", Package: "foo", Path: "example.com/a/afoo"}
	m.Render = func(f golang.Frame) (string, error) { return m.head(f) + "{ return nil, nil }", nil }
	files, problems := mergeTwice(t, directory("a.go", "package service\n\nvar foo = 1\n\ntype BookService struct{}\n"), []Service{svc}, nil)
	wantProblems(t, problems)
	if got := only(t, files, "a.go"); !strings.Contains(got, "\tafoo \"example.com/a/afoo\"\n") || !strings.Contains(got, "req *afoo.Request") {
		t.Errorf("the file is\n%s", got)
	}
}
