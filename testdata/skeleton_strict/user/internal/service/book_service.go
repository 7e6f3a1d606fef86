package service

import (
	"context"

	libraryv1 "example.com/skeleton_strict/library/v1"
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
