package skeleton

import (
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// TestTypeGone checks a package with methods whose type is missing: the type is added, and no
// method twice.
func TestTypeGone(t *testing.T) {
	p := directory("get.go", imports+"func (s *BookService) "+get+" { return nil, nil }\n")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary", "PutBook unary")}, nil)
	wantProblems(t, problems)
	if added := addedMethods(t, p, files); !slices.Equal(added, []string{"book_service.go: BookService.PutBook"}) {
		t.Errorf("added is %q", added)
	}
}

// TestWrongDecl checks a template that declares another name than its own, which a second run would
// not find.
func TestWrongDecl(t *testing.T) {
	svc := library("GetBook unary")
	svc.Decls[0].Render = func(golang.Frame) (string, error) { return "type Books struct{}", nil }
	_, problems := mergeTwice(t, directory(), []Service{svc}, nil)
	if len(problems) == 0 || !strings.Contains(problems[0], "error: internal/service/book_service.go: the template's code cannot be added: it must declare BookService") {
		t.Errorf("the problems are %q", problems)
	}
}

// TestEmbeddedOfModuleWithoutDot checks a type that embeds one of a module whose path looks like
// the standard library's: a stub would shadow its methods.
func TestEmbeddedOfModuleWithoutDot(t *testing.T) {
	p := directory("a.go", strings.Replace(imports, `"context"`, "\"context\"\n\t\"corp/base\"\n\t\"sync\"", 1)+
		"type BookService struct {\n\tbase.Books\n\tsync.Mutex\n}\n")
	files, problems := mergeTwice(t, p, []Service{library("GetBook unary")}, nil)
	wantProblems(t, problems, "BookService embeds Books of corp/base, whose methods the plugin cannot see; unless GetBook is one of them, add ")
	if len(files) > 0 {
		t.Errorf("%q", files)
	}
}
