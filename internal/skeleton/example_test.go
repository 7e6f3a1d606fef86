package skeleton_test

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/skeleton"
)

// The code of a method comes from a template whose functions ask the frame. Each call has functions
// of its own.
func ExampleMerge() {
	const text = `
// GetBook returns one book, or NOT_FOUND.
func ({{.Receiver}} {{.Type}}) {{.Signature}} {
	return nil, {{runtime "Unimplemented"}}({{ident .Service}}, "GetBook")
}`
	message := func(name string) golang.Ident {
		return golang.Ident{Name: name, Package: "libraryv1", Path: "example.com/library/v1"}
	}
	generated := func(name string) golang.Ident {
		return golang.Ident{Name: name, Package: "libraryv1service", Path: "example.com/library/v1/libraryv1service"}
	}
	method := skeleton.Method{Name: "GetBook", Input: message("GetBookRequest"), Output: message("Book")}
	method.Render = func(f golang.Frame) (string, error) {
		stub := template.New("").Funcs(template.FuncMap{
			"ident": f.Ident,
			"runtime": func(name string) string {
				return f.Ident(golang.Ident{Name: name, Package: "runtime", Path: "github.com/grpcservice/grpcservice/runtime"})
			},
		})
		var b strings.Builder
		err := template.Must(stub.Parse(text)).Execute(&b, map[string]any{
			"Receiver": f.Receiver, "Type": f.Type, "Signature": method.Signature(f), "Service": generated("BookServiceName"),
		})
		return b.String(), err
	}
	user := `package service

import pb "example.com/library/v1"
import "example.com/library/v1/libraryv1service"

// Books has books.
type Books struct{ all []*pb.Book }

var _ libraryv1service.BookService = (*Books)(nil)

func (b *Books) count() int { return len(b.all) }
`
	result := skeleton.Merge(skeleton.Package{Name: "service", Files: map[string][]byte{"books.go": []byte(user)}}, []skeleton.Service{{
		Name: "library.v1.BookService", Type: "BookService", File: "book_service.go", Interface: generated("BookService"),
		Methods: []skeleton.Method{method},
	}}, nil)
	fmt.Print(string(result.Files["books.go"]))
	// Output:
	// package service
	//
	// import pb "example.com/library/v1"
	// import "example.com/library/v1/libraryv1service"
	//
	// import (
	// 	"context"
	//
	// 	"github.com/grpcservice/grpcservice/runtime"
	// )
	//
	// // Books has books.
	// type Books struct{ all []*pb.Book }
	//
	// var _ libraryv1service.BookService = (*Books)(nil)
	//
	// func (b *Books) count() int { return len(b.all) }
	//
	// // GetBook returns one book, or NOT_FOUND.
	// func (b *Books) GetBook(ctx context.Context, req *pb.GetBookRequest) (*pb.Book, error) {
	// 	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "GetBook")
	// }
}
