// Package service implements the services of orders.v1.
package service

import (
	"context"

	ordersv1 "example.com/skeleton_permission/orders/v1"
	"example.com/skeleton_permission/orders/v1/ordersv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// Orders implements [ordersv1service.Orders].
type Orders struct{}

var _ ordersv1service.Orders = (*Orders)(nil)

// NewOrders returns an Orders.
func NewOrders() *Orders {
	return &Orders{}
}

// GetOrder returns one order, or NOT_FOUND.
func (s *Orders) GetOrder(ctx context.Context, req *ordersv1.GetOrderRequest) (*ordersv1.Order, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(ordersv1service.OrdersName, "GetOrder")
}
