package main

import (
	"context"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
)

// books asks another server for its books.
type books struct {
	libraryv1service.UnimplementedBookService
	catalogue libraryv1service.BookService
}

func newBooks(catalogue libraryv1service.BookService) libraryv1service.BookService {
	return books{catalogue: catalogue}
}

// GetBook returns the book of the catalogue.
func (b books) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	return b.catalogue.GetBook(ctx, req)
}
