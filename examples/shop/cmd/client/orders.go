package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// playOrders places an order twice as the customer, who gets one order, and requests it as another
// caller.
func playOrders(customer, other context.Context, orders shopv1service.OrderService) error {
	// Without an idempotency key, the client sets one for its own retries. A caller that may have
	// to retry after a crash creates the key itself, and stores it together with the order that it
	// is about to place.
	req := &shopv1.CreateOrderRequest{RequestId: idempotency.NewKey(), Lines: []*shopv1.Order_Line{{ProductId: 3, Quantity: 2}}}
	order, err := orders.CreateOrder(customer, req)
	if err != nil {
		return fmt.Errorf("CreateOrder: %w", err)
	}
	say("CreateOrder", "order %d: %d.%02d", order.GetId(), order.GetTotalCents()/100, order.GetTotalCents()%100)

	var header metadata.MD
	again, err := orders.CreateOrder(client.WithCallOptions(customer, grpc.Header(&header)), req)
	if err != nil {
		return fmt.Errorf("CreateOrder: %w", err)
	}
	say("CreateOrder", "order %d again; %s: %v", again.GetId(), idempotency.ReplayedHeader, header.Get(idempotency.ReplayedHeader))
	if !proto.Equal(order, again) || len(header.Get(idempotency.ReplayedHeader)) != 1 {
		return fmt.Errorf("CreateOrder: want order %d replayed, got %v, %v", order.GetId(), again, header)
	}
	return playOrderRejections(customer, other, orders, req.GetRequestId(), order.GetId())
}

// playOrderRejections reuses an idempotency key, orders an unknown product, and requests another
// customer's order.
func playOrderRejections(customer, other context.Context, orders shopv1service.OrderService, key string, orderID int64) error {
	lines := []*shopv1.Order_Line{{ProductId: 1, Quantity: 1}}
	_, err := orders.CreateOrder(customer, &shopv1.CreateOrderRequest{RequestId: key, Lines: lines})
	if err := expect("CreateOrder", err, codes.InvalidArgument, idempotency.ReasonRequestIDReused); err != nil {
		return err
	}
	_, err = orders.CreateOrder(customer, &shopv1.CreateOrderRequest{Lines: []*shopv1.Order_Line{{ProductId: 99, Quantity: 1}}})
	if err := expect("CreateOrder", err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest); err != nil {
		return err
	}
	_, err = orders.GetOrder(other, &shopv1.GetOrderRequest{Id: orderID})
	return expect("GetOrder", err, codes.NotFound, shopv1service.OrderReasonOrderUnknown)
}
