package service

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	libraryv1 "example.com/skeleton_drift/library/v1"
	"example.com/skeleton_drift/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

type BookService struct{}

func (s *BookService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	return nil, nil
}

// WatchBooks was unary once.
func (s *BookService) WatchBooks(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	return nil, nil
}

// LendBook is gone from the proto.
func (s *BookService) LendBook(ctx context.Context, req *libraryv1.LendBookRequest) (*libraryv1.Book, error) {
	return nil, nil
}

// ScanBooks begins to scan all books.
func (s *BookService) ScanBooks(ctx context.Context, req *libraryv1.ScanBooksRequest) (*longrunningpb.Operation, error) {
	// TODO: Give the type an *operation.Manager, register the work with it once, by
	// libraryv1service.BookServiceScanBooks.Handle, and then:
	//
	//	return libraryv1service.BookServiceScanBooks.Start(ctx, s.operations, req)
	return nil, runtime.Unimplemented(libraryv1service.BookServiceName, "ScanBooks")
}
