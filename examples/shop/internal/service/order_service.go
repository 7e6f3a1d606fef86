package service

import (
	"context"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// maxOrders bounds the memory of an OrderService, together with maxLines.
const maxOrders = 10_000

// OrderService accepts orders and keeps them in memory, visible to the user that placed them. It
// implements [shopv1service.OrderService].
//
// It ignores idempotency keys: the server's guard, [server.WithIdempotency], calls CreateOrder once
// for each. With orders in a database, CreateOrder would pass its response to idempotency.Save,
// which writes it in the transaction of the order. Then a process that dies in between does not
// place a second order either.
type OrderService struct {
	catalogue *Catalogue
	events    *Events

	mu     sync.Mutex
	lastID int64
	orders map[orderKey]*shopv1.Order // never modified
}

// orderKey identifies an order of a customer. Because the customer is part of the key, another
// customer's request never finds the order.
type orderKey struct {
	customer string
	id       int64
}

// NewOrderService returns an OrderService that sells what is in catalogue, and appends orders to
// events.
func NewOrderService(catalogue *Catalogue, events *Events) *OrderService {
	return &OrderService{catalogue: catalogue, events: events, orders: make(map[orderKey]*shopv1.Order)}
}

// CreateOrder places an order of the caller.
func (s *OrderService) CreateOrder(ctx context.Context, req *shopv1.CreateOrderRequest) (*shopv1.Order, error) {
	total, err := priceOf(req.GetLines(), s.catalogue.Products())
	if err != nil {
		return nil, err
	}
	order, err := s.place(caller(ctx), &shopv1.Order{Lines: req.GetLines(), TotalCents: total, CreatedAt: timestamppb.Now()})
	if err != nil {
		return nil, err
	}
	Notify(ctx, s.events, OrderPlaced, orderName(order.GetId()))
	return order, nil
}

// place stores an order and assigns its ID.
func (s *OrderService) place(customer string, order *shopv1.Order) (*shopv1.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.orders) >= maxOrders {
		return nil, shopv1service.OrderReasonTooManyOrders.Errorf(codes.ResourceExhausted, "the shop takes no more than %d orders", maxOrders)
	}
	s.lastID++
	order.Id = s.lastID
	s.orders[orderKey{customer, order.GetId()}] = order
	return order, nil
}

// GetOrder returns one of the caller's orders, or NOT_FOUND.
func (s *OrderService) GetOrder(ctx context.Context, req *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	order, ok := s.orders[orderKey{caller(ctx), req.GetId()}]
	if !ok {
		return nil, shopv1service.OrderReasonOrderUnknown.Errorf(codes.NotFound, "you have no order %d", req.GetId()).
			WithResource("shop.example.com/Order", orderName(req.GetId()), "")
	}
	return order, nil
}

// orderName returns the resource name of an order.
func orderName(id int64) string { return "orders/" + strconv.FormatInt(id, 10) }

// caller returns the ID of the caller's principal, which the policy requires.
func caller(ctx context.Context) string {
	if principal := runtime.OriginOf(ctx).Principal; principal != nil {
		return principal.ID
	}
	return ""
}
