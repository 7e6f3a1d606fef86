package skeleton

import (
	"testing"
)

func TestNewFile(t *testing.T) {
	files, problems := mergeTwice(t, directory(), []Service{library("GetBook unary", "ListBooks page", "Watch server", "Chat bidi", "Upload client")}, nil)
	wantProblems(t, problems)
	wantText(t, only(t, files, "book_service.go"), `
// Package service implements the services of library.v1.
package service

import (
	"context"

	libraryv1 "example.com/gen/library/v1"
	"example.com/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// BookService implements [libraryv1service.BookService].
type BookService struct{}

var _ libraryv1service.BookService = (*BookService)(nil)

// NewBookService returns a BookService.
func NewBookService() *BookService { return &BookService{} }

// GetBook does what its name says.
func (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	// TODO: do it
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "GetBook")
}

// ListBooks does what its name says.
func (s *BookService) ListBooks(ctx context.Context, req *libraryv1.ListBooksRequest) (*libraryv1.ListBooksResponse, error) {
	// TODO: do it
	return libraryv1service.BookServiceListBooks.Serve(ctx, req, page.Keyset(func(ctx context.Context, after *string, limit int) ([]*libraryv1.Book, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ListBooks")
	}))
}

// Watch does what its name says.
func (s *BookService) Watch(ctx context.Context, req *libraryv1.WatchRequest) runtime.Stream[libraryv1.WatchResponse] {
	// TODO: do it
	return func(yield func(*libraryv1.WatchResponse, error) bool) {
		yield(nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Watch"))
	}
}

// Chat does what its name says.
func (s *BookService) Chat(ctx context.Context, reqs runtime.Stream[libraryv1.ChatRequest]) runtime.Stream[libraryv1.ChatResponse] {
	// TODO: do it
	return func(yield func(*libraryv1.ChatResponse, error) bool) {
		yield(nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Chat"))
	}
}

// Upload does what its name says.
func (s *BookService) Upload(ctx context.Context, reqs runtime.Stream[libraryv1.UploadRequest]) (*libraryv1.UploadResponse, error) {
	// TODO: do it
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Upload")
}
`)
}

func TestAppend(t *testing.T) {
	files, problems := mergeTwice(t, directory("books.go", `package service

import (
	"context"
	"database/sql"

	pb "example.com/gen/library/v1"
	"example.com/gen/library/v1/libraryv1service"
	_ "github.com/lib/pq" // driver
)

type Books struct{ db *sql.DB }

var _ libraryv1service.BookService = (*Books)(nil)

func (b *Books) GetBook(_ context.Context, r *pb.GetBookRequest) (_ *pb.GetBookResponse, err error) { return nil, nil }

// end`), []Service{library("GetBook unary", "PutBook unary", "Watch server")}, nil)
	wantProblems(t, problems)
	wantText(t, only(t, files, "books.go"), `
package service

import (
	"context"
	"database/sql"

	pb "example.com/gen/library/v1"
	"example.com/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	_ "github.com/lib/pq" // driver
)

type Books struct{ db *sql.DB }

var _ libraryv1service.BookService = (*Books)(nil)

func (b *Books) GetBook(_ context.Context, r *pb.GetBookRequest) (_ *pb.GetBookResponse, err error) { return nil, nil }

// end

// PutBook does what its name says.
func (b *Books) PutBook(ctx context.Context, req *pb.PutBookRequest) (*pb.PutBookResponse, error) {
	// TODO: do it
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "PutBook")
}

// Watch does what its name says.
func (b *Books) Watch(ctx context.Context, req *pb.WatchRequest) runtime.Stream[pb.WatchResponse] {
	// TODO: do it
	return func(yield func(*pb.WatchResponse, error) bool) {
		yield(nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Watch"))
	}
}
`)
}
