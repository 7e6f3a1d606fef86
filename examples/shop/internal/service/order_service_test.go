package service_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// aUUID is an idempotency key.
const aUUID = "8f14e45f-ceea-467f-a0e6-1c9b4f0a7b11"

func newOrders() *service.OrderService {
	return service.NewOrderService(service.NewCatalogue(service.Products()...), newEvents())
}

// serveOrders serves orders as the shop's server does.
func serveOrders(t *testing.T, opts ...server.Option) shopv1service.OrderService {
	t.Helper()
	opts = append(opts, server.WithIdempotency(idempotency.New(idempotency.Memory(), idempotency.WithWait(time.Minute))))
	return shopv1servicetest.ServeOrderService(t, newOrders(), opts...)
}

func teapots(n int32) []*shopv1.Order_Line {
	return []*shopv1.Order_Line{{ProductId: 3, Quantity: n}}
}

func TestOrderServiceContract(t *testing.T) {
	shopv1servicetest.CheckOrderService(t, newOrders(), server.WithIdempotency(idempotency.New(idempotency.Memory())))
}

func TestCreateOrder(t *testing.T) {
	orders := serveOrders(t)
	order, err := orders.CreateOrder(t.Context(), &shopv1.CreateOrderRequest{Lines: []*shopv1.Order_Line{
		{ProductId: 3, Quantity: 2}, {ProductId: 4, Quantity: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if order.GetTotalCents() != 2*3200+790 || len(order.GetLines()) != 2 || order.GetCreatedAt() == nil {
		t.Errorf("CreateOrder = %v", order)
	}
	got, err := orders.GetOrder(t.Context(), &shopv1.GetOrderRequest{Id: order.GetId()})
	if err != nil || !proto.Equal(got, order) {
		t.Errorf("GetOrder = %v, %v; want %v", got, err, order)
	}
}

func TestCreateOrderRejects(t *testing.T) {
	orders := serveOrders(t)
	for _, test := range []struct {
		name   string
		req    *shopv1.CreateOrderRequest
		fields []string
	}{
		{"no lines", &shopv1.CreateOrderRequest{}, []string{"lines"}},
		{"no product", &shopv1.CreateOrderRequest{Lines: []*shopv1.Order_Line{{Quantity: 1}}}, []string{"lines[0].product_id"}},
		{"too many lines", &shopv1.CreateOrderRequest{Lines: slices.Repeat(teapots(1), 51)}, []string{"lines"}},
		{"several mistakes", &shopv1.CreateOrderRequest{Lines: []*shopv1.Order_Line{
			{ProductId: 3, Quantity: -1}, {ProductId: 3, Quantity: 1}, {ProductId: 99, Quantity: 1},
		}}, []string{"lines[0].quantity", "lines[2].product_id"}},
		{"an idempotency key that is no UUID", &shopv1.CreateOrderRequest{RequestId: "1", Lines: teapots(1)}, []string{"request_id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := orders.CreateOrder(t.Context(), test.req)
			wantReason(t, err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest)
			var fields []string
			for _, violation := range rpcerr.FieldViolations(err) {
				fields = append(fields, violation.Field)
			}
			if !slices.Equal(fields, test.fields) {
				t.Errorf("the violations are of %v, want %v", fields, test.fields)
			}
		})
	}
}

// The same order, sent by many independent callers, is placed once.
func TestCreateOrderAgain(t *testing.T) {
	orders := serveOrders(t)
	req := &shopv1.CreateOrderRequest{RequestId: aUUID, Lines: teapots(1)}
	var wg sync.WaitGroup
	var replayed sync.Map
	for i := range 20 {
		wg.Go(func() {
			var header metadata.MD
			order, err := orders.CreateOrder(client.WithCallOptions(t.Context(), grpc.Header(&header)), req)
			if err != nil || order.GetId() != 1 {
				t.Errorf("CreateOrder = %v, %v; want order 1", order, err)
			}
			if len(header.Get(idempotency.ReplayedHeader)) == 1 {
				replayed.Store(i, true)
			}
		})
	}
	wg.Wait()
	count := 0
	replayed.Range(func(any, any) bool { count++; return true })
	if count != 19 {
		t.Errorf("%d of 20 answers were replayed, want 19", count)
	}
	_, err := orders.CreateOrder(t.Context(), &shopv1.CreateOrderRequest{RequestId: aUUID, Lines: teapots(2)})
	wantReason(t, err, codes.InvalidArgument, idempotency.ReasonRequestIDReused)
	next, err := orders.CreateOrder(t.Context(), &shopv1.CreateOrderRequest{Lines: teapots(2)})
	if err != nil || next.GetId() != 2 {
		t.Errorf("the next order is %v, %v; want order 2", next, err)
	}
}

func TestOrdersAreTheirCustomers(t *testing.T) {
	opts, callers := authenticated(t)
	orders := serveOrders(t, opts...)
	customer, clerk := callers.As(t.Context(), auth.Customer), callers.As(t.Context(), auth.Clerk)
	mine, err := orders.CreateOrder(customer, &shopv1.CreateOrderRequest{RequestId: aUUID, Lines: teapots(1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := orders.GetOrder(customer, &shopv1.GetOrderRequest{Id: mine.GetId()}); err != nil {
		t.Error(err)
	}
	_, err = orders.GetOrder(clerk, &shopv1.GetOrderRequest{Id: mine.GetId()})
	wantReason(t, err, codes.NotFound, shopv1service.OrderReasonOrderUnknown)
	theirs, err := orders.CreateOrder(clerk, &shopv1.CreateOrderRequest{RequestId: strings.ToUpper(aUUID), Lines: teapots(1)})
	if err != nil || theirs.GetId() == mine.GetId() {
		t.Errorf("the same idempotency key of somebody else gets %v, %v; want another order than %d", theirs, err, mine.GetId())
	}
	_, err = orders.CreateOrder(callers.As(t.Context(), auth.Guest), &shopv1.CreateOrderRequest{Lines: teapots(1)})
	wantReason(t, err, codes.PermissionDenied, rpcerr.ReasonMissingScope)
}
