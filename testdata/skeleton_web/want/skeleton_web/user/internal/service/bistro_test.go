package service_test

import (
	"testing"

	bistrov1 "example.com/skeleton_web/bistro/v1"
	"example.com/skeleton_web/bistro/v1/bistrov1servicetest"
	"example.com/skeleton_web/internal/service"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestBistro checks that Bistro keeps the contract of every service, whatever callers send.
func TestBistro(t *testing.T) {
	bistrov1servicetest.CheckBistro(t, service.NewBistro())
}

// TestBistroGetMenu calls GetMenu over an in-memory connection, as a client does.
func TestBistroGetMenu(t *testing.T) {
	client := bistrov1servicetest.ServeBistro(t, service.NewBistro())
	_, err := client.GetMenu(t.Context(), &bistrov1.GetMenuRequest{})
	if got, want := status.Code(err), codes.Unimplemented; got != want { // TODO: Fill in the request, and check the response.
		t.Errorf("GetMenu returned %v (%v), want %v", got, err, want)
	}
}
