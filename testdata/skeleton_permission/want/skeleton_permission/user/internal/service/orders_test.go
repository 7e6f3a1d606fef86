package service_test

import (
	"testing"

	"example.com/skeleton_permission/internal/service"
	ordersv1 "example.com/skeleton_permission/orders/v1"
	"example.com/skeleton_permission/orders/v1/ordersv1servicetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestOrders checks that Orders keeps the contract of every service, whatever callers send.
func TestOrders(t *testing.T) {
	ordersv1servicetest.CheckOrders(t, service.NewOrders())
}

// TestOrdersGetOrder calls GetOrder over an in-memory connection, as a client does.
func TestOrdersGetOrder(t *testing.T) {
	client := ordersv1servicetest.ServeOrders(t, service.NewOrders())
	_, err := client.GetOrder(t.Context(), &ordersv1.GetOrderRequest{})
	if got, want := status.Code(err), codes.Unimplemented; got != want { // TODO: Fill in the request, and check the response.
		t.Errorf("GetOrder returned %v (%v), want %v", got, err, want)
	}
}
