package servicetest_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

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
