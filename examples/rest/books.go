package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/rest/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The reasons of errors.
const (
	bookUnknown rpcerr.Reason = "library.example.com/BOOK_UNKNOWN"
	bookExists  rpcerr.Reason = "library.example.com/BOOK_EXISTS"
)

// books implements [libraryv1service.BookService] in memory.
type books struct {
	mu      sync.Mutex
	byName  map[string]*libraryv1.Book
	arrived chan struct{} // closed when a book is added
}

func newBooks(all ...*libraryv1.Book) *books {
	b := &books{byName: make(map[string]*libraryv1.Book), arrived: make(chan struct{})}
	for _, book := range all {
		b.byName[book.GetName()] = book
	}
	return b
}

// GetBook implements [libraryv1service.BookService].
func (b *books) GetBook(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.get(req.GetName())
}

// get returns a book; b is locked.
func (b *books) get(name string) (*libraryv1.Book, error) {
	if book, ok := b.byName[name]; ok {
		return book, nil
	}
	return nil, bookUnknown.Errorf(codes.NotFound, "there is no book %q", name).
		WithResource("library.example.com/Book", name, "")
}

// ListBooks implements [libraryv1service.BookService].
func (b *books) ListBooks(
	ctx context.Context, req *libraryv1.ListBooksRequest,
) (*libraryv1.ListBooksResponse, error) {
	return libraryv1service.BookServiceListBooks.Serve(ctx, req, page.Keyset(
		func(_ context.Context, after *string, limit int) ([]*libraryv1.Book, error) {
			found, _ := b.after(req.GetParent(), after)
			return found[:min(limit, len(found))], nil
		},
		func(book *libraryv1.Book) string { return book.GetName() },
	))
}

// after returns the books of a shelf after a name, in the order of their names, and what is closed
// when there are more.
func (b *books) after(
	parent string, name *string,
) (found []*libraryv1.Book, arrived <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, book := range b.byName {
		if strings.HasPrefix(book.GetName(), parent+"/") && (name == nil || book.GetName() > *name) {
			found = append(found, book)
		}
	}
	slices.SortFunc(found, func(x, y *libraryv1.Book) int {
		return cmp.Compare(x.GetName(), y.GetName())
	})
	return found, b.arrived
}

// CreateBook implements [libraryv1service.BookService].
func (b *books) CreateBook(
	_ context.Context, req *libraryv1.CreateBookRequest,
) (*libraryv1.Book, error) {
	return b.add(req.GetParent(), req.GetBookId(), req.GetBook())
}

// add adds a book with an ID to a shelf.
func (b *books) add(parent, id string, book *libraryv1.Book) (*libraryv1.Book, error) {
	var faults []rpcerr.FieldViolation
	if id == "" {
		faults = append(faults, rpcerr.Violation("book_id", "must not be empty"))
	}
	if book.GetTitle() == "" {
		faults = append(faults, rpcerr.Violation("book.title", "must not be empty"))
	}
	if err := rpcerr.Invalid(faults...); err != nil {
		return nil, err
	}
	book.Name = parent + "/books/" + id
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byName[book.Name] != nil {
		return nil, bookExists.Errorf(codes.AlreadyExists, "the book %q exists", book.Name)
	}
	b.byName[book.Name] = book
	close(b.arrived)
	b.arrived = make(chan struct{})
	return book, nil
}

// UpdateBook implements [libraryv1service.BookService].
func (b *books) UpdateBook(
	_ context.Context, req *libraryv1.UpdateBookRequest,
) (*libraryv1.Book, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	book, err := b.get(req.GetBook().GetName())
	if err != nil {
		return nil, err
	}
	book = proto.CloneOf(book)
	for _, path := range req.GetUpdateMask().GetPaths() {
		switch path {
		case "title":
			book.Title = req.GetBook().GetTitle()
		case "pages":
			book.Pages = req.GetBook().GetPages()
		case "name":
		default:
			return nil, rpcerr.Invalid(rpcerr.Violation("update_mask", "a book has no %q", path))
		}
	}
	b.byName[book.Name] = book
	return book, nil
}

// DeleteBook implements [libraryv1service.BookService].
func (b *books) DeleteBook(
	_ context.Context, req *libraryv1.DeleteBookRequest,
) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byName, req.GetName())
	return &emptypb.Empty{}, nil
}

// WatchBooks implements [libraryv1service.BookService].
func (b *books) WatchBooks(
	ctx context.Context, req *libraryv1.WatchBooksRequest,
) runtime.Stream[libraryv1.Book] {
	return func(yield func(*libraryv1.Book, error) bool) {
		sent := make(map[string]bool)
		for {
			found, arrived := b.after(req.GetParent(), nil)
			for _, book := range found {
				if sent[book.GetName()] {
					continue
				}
				sent[book.GetName()] = true
				if !yield(book, nil) {
					return
				}
			}
			select {
			case <-arrived:
			case <-runtime.Draining(ctx):
				yield(nil, runtime.ErrDraining)
				return
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// ImportBooks implements [libraryv1service.BookService].
func (b *books) ImportBooks(
	ctx context.Context, reqs runtime.Stream[libraryv1.ImportBooksRequest],
) (*libraryv1.ImportBooksResponse, error) {
	result, err := libraryv1service.BookServiceImportBooks.Each(ctx, reqs,
		func(_ context.Context, req *libraryv1.ImportBooksRequest) error {
			_, err := b.add(req.GetParent(), req.GetBookId(), req.GetBook())
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	return &libraryv1.ImportBooksResponse{Imported: result.Succeeded, Failed: result.Statuses()}, nil
}
