package library_test

import (
	"testing"

	"example.com/library"
	libraryv1 "example.com/skeleton_page_keys/library/v1"
	"example.com/skeleton_page_keys/library/v1/libraryv1servicetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestPageKeyService checks that PageKeyService keeps the contract of every service, whatever callers send.
func TestPageKeyService(t *testing.T) {
	libraryv1servicetest.CheckPageKeyService(t, library.NewPageKeyService())
}

// TestPageKeyServiceListUsers calls ListUsers over an in-memory connection, as a client does.
func TestPageKeyServiceListUsers(t *testing.T) {
	client := libraryv1servicetest.ServePageKeyService(t, library.NewPageKeyService())
	_, err := client.ListUsers(t.Context(), &libraryv1.ListUsersRequest{})
	if got, want := status.Code(err), codes.Unimplemented; got != want { // TODO: Fill in the request, and check the response.
		t.Errorf("ListUsers returned %v (%v), want %v", got, err, want)
	}
}
