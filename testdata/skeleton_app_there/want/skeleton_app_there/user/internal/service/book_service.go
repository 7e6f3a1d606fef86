// Package service implements the services of library.v1.
package service

import (
	"context"
	"io"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	libraryv1 "example.com/skeleton_app_there/library/v1"
	"example.com/skeleton_app_there/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// BookService implements [libraryv1service.BookService].
type BookService struct {
	operations *operation.Manager
}

var _ libraryv1service.BookService = (*BookService)(nil)

// NewBookService returns a BookService whose operations the manager stores and runs.
func NewBookService(operations *operation.Manager) *BookService {
	s := &BookService{operations: operations}
	libraryv1service.BookServiceScanBooks.Handle(operations, s.runScanBooks)
	return s
}

// runScanBooks does the work of an operation that ScanBooks started, in this process or another.
func (s *BookService) runScanBooks(ctx context.Context, run *operation.Run[libraryv1.ScanBooksRequest, libraryv1.Book]) (*libraryv1.Book, error) {
	// TODO: Do what run.Request asks for. Call run.Save as you go: it reports progress, and stores what
	// the next attempt resumes from if this process stops. Return when ctx is done.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ScanBooks")
}

// GetBook returns one book, or NOT_FOUND.
func (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "GetBook")
}

// WatchBooks streams the changes to a shelf.
func (s *BookService) WatchBooks(ctx context.Context, req *libraryv1.GetBookRequest) runtime.Stream[libraryv1.Book] {
	// TODO: Return the next response, and io.EOF after the last one. If you wait for it, stop waiting when
	// ctx is done or the server shuts down: runtime.Draining(ctx).
	next := func() (*libraryv1.Book, error) {
		return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "WatchBooks")
	}
	return func(yield func(*libraryv1.Book, error) bool) {
		for resp, err := next(); err != io.EOF; resp, err = next() {
			if !yield(resp, err) || err != nil {
				return // the caller stopped reading, or there was an error
			}
		}
	}
}

// ScanBooks begins to scan all books.
func (s *BookService) ScanBooks(ctx context.Context, req *libraryv1.ScanBooksRequest) (*longrunningpb.Operation, error) {
	// TODO: Check req here, while the caller waits. The work is in runScanBooks.
	return libraryv1service.BookServiceScanBooks.Start(ctx, s.operations, req)
}
