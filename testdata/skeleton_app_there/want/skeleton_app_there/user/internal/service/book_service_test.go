package service_test

import (
	"testing"

	"example.com/library/internal/service"
	libraryv1 "example.com/skeleton_app_there/library/v1"
	"example.com/skeleton_app_there/library/v1/libraryv1servicetest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestBookService checks that BookService keeps the contract of every service, whatever callers send.
func TestBookService(t *testing.T) {
	libraryv1servicetest.CheckBookService(t, service.NewBookService(operation.NewManager(operation.Memory())))
}

// TestBookServiceGetBook calls GetBook over an in-memory connection, as a client does.
func TestBookServiceGetBook(t *testing.T) {
	client := libraryv1servicetest.ServeBookService(t, service.NewBookService(operation.NewManager(operation.Memory())))
	_, err := client.GetBook(t.Context(), &libraryv1.GetBookRequest{})
	if got, want := status.Code(err), codes.Unimplemented; got != want { // TODO: Fill in the request, and check the response.
		t.Errorf("GetBook returned %v (%v), want %v", got, err, want)
	}
}
