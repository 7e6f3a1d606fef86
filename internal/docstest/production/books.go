package main

import "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"

// newBooks returns the service, whose methods need no code here.
func newBooks() libraryv1service.BookService { return libraryv1service.UnimplementedBookService{} }
