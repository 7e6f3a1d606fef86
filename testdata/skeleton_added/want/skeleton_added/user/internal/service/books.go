// Package service is the user's.
package service

import (
	"context"
	"database/sql"
	"io"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	pb "example.com/skeleton_added/library/v1"
	. "example.com/skeleton_added/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// Books implements BookService under another name.
type Books struct {
	db *sql.DB // the catalogue
}

var _ BookService = &Books{}

// GetBook is the user's, and stays as it is.
func (b *Books) GetBook(ctx context.Context, _ *pb.GetBookRequest) (book *pb.Book, err error) {
	return &pb.Book{}, b.db.PingContext(ctx)
} // the end

// WatchBooks streams the changes to a shelf.
func (b *Books) WatchBooks(ctx context.Context, req *pb.GetBookRequest) runtime.Stream[pb.Book] {
	// TODO: Return the next response, and io.EOF after the last one. If you wait for it, stop waiting when
	// ctx is done or the server shuts down: runtime.Draining(ctx).
	next := func() (*pb.Book, error) {
		return nil, runtime.Unimplemented(BookServiceName, "WatchBooks")
	}
	return func(yield func(*pb.Book, error) bool) {
		for resp, err := next(); err != io.EOF; resp, err = next() {
			if !yield(resp, err) || err != nil {
				return // the caller stopped reading, or there was an error
			}
		}
	}
}

// ScanBooks begins to scan all books.
func (b *Books) ScanBooks(ctx context.Context, req *pb.ScanBooksRequest) (*longrunningpb.Operation, error) {
	// TODO: Give the type an *operation.Manager, register the work with it once, by
	// libraryv1service.BookServiceScanBooks.Handle, and then:
	//
	//	return libraryv1service.BookServiceScanBooks.Start(ctx, b.operations, req)
	return nil, runtime.Unimplemented(BookServiceName, "ScanBooks")
}
