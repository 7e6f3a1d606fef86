package servicetest_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1servicetest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// library implements libraryv1service.BookService.
type library struct {
	libraryv1service.UnimplementedBookService
}

func (library) GetBook(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Isbn: req.GetIsbn(), Title: "One"}}, nil
}

// A fake upstream: the generated test package has one for each service. It needs no server.
func Example_fake() {
	books := libraryv1servicetest.NewFakeBookService(libraryv1servicetest.FakeBookService{
		GetBook: func(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
			return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Isbn: req.GetIsbn(), Title: "One"}}, nil
		},
	})
	resp, err := books.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)
	_, err = books.BatchGetBooks(context.Background(), &libraryv1.BatchGetBooksRequest{})
	fmt.Println(status.Code(err)) // its function is nil
	// Output:
	// One <nil>
	// Unimplemented
}

// An Example of a service, or the setup of TestMain. The client goes through the pipeline of a
// real server, so that it gets the errors that production would return.
func ExampleStart() {
	conn, stop, err := servicetest.Start(func(r grpc.ServiceRegistrar) {
		libraryv1service.RegisterBookService(r, library{})
		// ... and other services
	})
	if err != nil {
		log.Fatal(err)
	}
	books := libraryv1service.NewBookServiceClient(conn)
	resp, err := books.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)
	_, err = books.BatchGetBooks(context.Background(), &libraryv1.BatchGetBooksRequest{})
	fmt.Println(status.Code(err))
	fmt.Println(stop())
	// Output:
	// One <nil>
	// Unimplemented
	// <nil>
}

// A test of one service: the generated test kit serves it and returns its client.
func Example() {
	_ = func(t *testing.T) {
		books := libraryv1servicetest.ServeBookService(t, library{})
		resp, err := books.GetBook(t.Context(), &libraryv1.GetBookRequest{Isbn: "1"})
		if err != nil || resp.GetBook().GetTitle() != "One" {
			t.Errorf("got %v, %v", resp, err)
		}
	}
}

// A test of several services on one server.
func ExampleServe() {
	_ = func(t *testing.T) {
		conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			libraryv1service.RegisterBookService(r, library{})
			// ... and other services
		})
		books := libraryv1service.NewBookServiceClient(conn)
		if _, err := books.GetBook(t.Context(), &libraryv1.GetBookRequest{Isbn: "1"}); err != nil {
			t.Error(err)
		}
	}
}
