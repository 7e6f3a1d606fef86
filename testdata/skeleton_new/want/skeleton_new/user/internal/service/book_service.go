// Package service implements the services of library.v1.
package service

import (
	"context"
	"io"

	libraryv1 "example.com/skeleton_new/library/v1"
	"example.com/skeleton_new/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
	"google.golang.org/protobuf/types/known/emptypb"
)

// BookService implements [libraryv1service.BookService].
type BookService struct{}

var _ libraryv1service.BookService = (*BookService)(nil)

// NewBookService returns a BookService.
func NewBookService() *BookService {
	return &BookService{}
}

// GetBook returns one book, or NOT_FOUND.
//
// The book is the one on the shelf, not the one at home.
func (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "GetBook")
}

// CreateBook adds a book.
func (s *BookService) CreateBook(ctx context.Context, req *libraryv1.CreateBookRequest) (*libraryv1.Book, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	// A retried call has the same request_id. With server.WithIdempotency, the server replays the first
	// response.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "CreateBook")
}

// DeleteBook takes a request and returns a response.
func (s *BookService) DeleteBook(ctx context.Context, req *libraryv1.DeleteBookRequest) (*emptypb.Empty, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "DeleteBook")
}

// ListBooks lists the books on a shelf, a page at a time.
func (s *BookService) ListBooks(ctx context.Context, req *libraryv1.ListBooksRequest) (*libraryv1.ListBooksResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.BookServiceListBooks.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Book, error) {
			return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ListBooks")
		},
		func(item *libraryv1.Book) string { return item.GetName() },
	), page.WithTotal(func(ctx context.Context) (int64, error) {
		return 0, runtime.Unimplemented(libraryv1service.BookServiceName, "ListBooks") // TODO: Count all items, or remove this option.
	}))
}

// ListWords lists the words that books are found by.
func (s *BookService) ListWords(ctx context.Context, req *libraryv1.ListWordsRequest) (*libraryv1.ListWordsResponse, error) {
	// TODO: Return at most limit items from offset on, in a stable order. If items have a unique key, use
	// page.Keyset: it neither misses nor repeats items while the list changes.
	return libraryv1service.BookServiceListWords.Serve(ctx, req, page.Offset(
		func(ctx context.Context, offset int64, limit int) ([]*libraryv1.Word, error) {
			return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ListWords")
		},
	))
}

// BatchGetBooks returns many books.
func (s *BookService) BatchGetBooks(ctx context.Context, req *libraryv1.BatchGetBooksRequest) (*libraryv1.BatchGetBooksResponse, error) {
	// TODO: Look up all ids at once, and return what exists. Load reports the rest to the caller.
	return libraryv1service.BookServiceBatchGetBooks.Load(ctx, req, func(ctx context.Context, ids []string) (map[string]*libraryv1.Book, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "BatchGetBooks")
	})
}

// BatchCreateBooks adds many books, or none.
func (s *BookService) BatchCreateBooks(ctx context.Context, req *libraryv1.BatchCreateBooksRequest) (*libraryv1.BatchCreateBooksResponse, error) {
	// TODO: If a failure must undo the items before it, run all items in one transaction: batch.WithTx.
	return libraryv1service.BookServiceBatchCreateBooks.Each(ctx, req, s.CreateBook)
}

// BatchDeleteBooks removes many books.
func (s *BookService) BatchDeleteBooks(ctx context.Context, req *libraryv1.BatchDeleteBooksRequest) (*emptypb.Empty, error) {
	// TODO: Process one item. If a failure must undo the items before it, run all items in one
	// transaction: batch.WithTx.
	return libraryv1service.BookServiceBatchDeleteBooks.Each(ctx, req, func(ctx context.Context, item string) (*emptypb.Empty, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "BatchDeleteBooks")
	})
}

// WatchBooks streams the changes to a shelf until the caller goes away.
func (s *BookService) WatchBooks(ctx context.Context, req *libraryv1.WatchBooksRequest) runtime.Stream[libraryv1.BookEvent] {
	// TODO: Return the next response, and io.EOF after the last one. If you wait for it, stop waiting when
	// ctx is done or the server shuts down: runtime.Draining(ctx).
	next := func() (*libraryv1.BookEvent, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "WatchBooks")
	}
	return func(yield func(*libraryv1.BookEvent, error) bool) {
		for resp, err := next(); err != io.EOF; resp, err = next() {
			if !yield(resp, err) || err != nil {
				return // the caller stopped reading, or there was an error
			}
		}
	}
}

// ImportBooks takes in a catalogue.
func (s *BookService) ImportBooks(ctx context.Context, reqs runtime.Stream[libraryv1.Book]) (*libraryv1.ImportBooksResponse, error) {
	// TODO: Process one item. An error is counted and reported, and the other items go on.
	result, err := libraryv1service.BookServiceImportBooks.Each(ctx, reqs, func(ctx context.Context, req *libraryv1.Book) error {
		return runtime.Unimplemented(libraryv1service.BookServiceName, "ImportBooks")
	})
	if err != nil {
		return nil, err // the call was canceled, or a limit is exceeded
	}
	_ = result // TODO: Return how many items succeeded, and which failed.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ImportBooks")
}

// Chat talks about books.
func (s *BookService) Chat(ctx context.Context, reqs runtime.Stream[libraryv1.ChatRequest]) runtime.Stream[libraryv1.ChatResponse] {
	// TODO: Respond to one request. If responses do not follow requests one by one, return stream.Duplex
	// instead.
	answer := func(req *libraryv1.ChatRequest) (*libraryv1.ChatResponse, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Chat")
	}
	return func(yield func(*libraryv1.ChatResponse, error) bool) {
		for req, err := range reqs {
			if err != nil {
				yield(nil, err) // the call was canceled, or a message is not a valid request
				return
			}
			resp, err := answer(req)
			if !yield(resp, err) || err != nil {
				return // the caller stopped reading, or there was an error
			}
		}
		// TODO: Yield final responses, if there are any, instead of an error.
		yield(nil, runtime.Unimplemented(libraryv1service.BookServiceName, "Chat"))
	}
}
