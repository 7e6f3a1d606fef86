package after

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/library"
	"github.com/grpcservice/grpcservice/runtime"
)

// Books implements the service.
type Books struct{ Library *library.Library }

// GetBook implements [libraryv1service.BookService].
func (b *Books) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	switch req.GetIsbn() {
	case "panic":
		panic("the library burns")
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetIsbn() == req.GetIsbn() })
	if book == nil {
		return nil, status.Errorf(codes.NotFound, "no book has the ISBN %q", req.GetIsbn())
	}
	return &libraryv1.GetBookResponse{Book: book}, nil
}

// ListBooks implements [libraryv1service.BookService].
func (b *Books) ListBooks(context.Context, *libraryv1.ListBooksRequest) runtime.Stream[libraryv1.ListBooksResponse] {
	return func(yield func(*libraryv1.ListBooksResponse, error) bool) {
		for _, book := range b.Library.Books() {
			if !yield(&libraryv1.ListBooksResponse{Book: book}, nil) {
				return
			}
		}
	}
}

// AddBooks implements [libraryv1service.BookService].
func (b *Books) AddBooks(_ context.Context, reqs runtime.Stream[libraryv1.AddBooksRequest]) (*libraryv1.AddBooksResponse, error) {
	resp := &libraryv1.AddBooksResponse{}
	for req, err := range reqs {
		if err != nil {
			return nil, err
		}
		b.Library.Add(req.GetBook())
		resp.Added++
	}
	return resp, nil
}

// FindBooks implements [libraryv1service.BookService].
func (b *Books) FindBooks(_ context.Context, reqs runtime.Stream[libraryv1.FindBooksRequest]) runtime.Stream[libraryv1.FindBooksResponse] {
	return func(yield func(*libraryv1.FindBooksResponse, error) bool) {
		for req, err := range reqs {
			if err != nil {
				yield(nil, err)
				return
			}
			book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetTitle() == req.GetTitle() })
			if !yield(&libraryv1.FindBooksResponse{Book: book}, nil) {
				return
			}
		}
	}
}
