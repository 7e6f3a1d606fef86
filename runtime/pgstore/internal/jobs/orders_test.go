package jobs_test

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/operation"
	shopv1 "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1"
	shopv1service "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1/jobsv1service"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestOrdersOnPostgreSQL runs a whole service: each order starts an operation in the transaction of
// its row, two replicas work on them, and clients wait with google.longrunning.Operations.
func TestOrdersOnPostgreSQL(t *testing.T) {
	ctx, pool := within(t), newPool(t)
	if _, err := pool.Exec(ctx, "CREATE TABLE orders (id text PRIMARY KEY); CREATE TABLE parcels (id text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	var conns []*grpc.ClientConn
	for range 2 {
		db, ops, err := openStore(ctx, pool)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		conns = append(conns, servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			orders := &Orders{pool: pool, ops: ops}
			shopv1service.OrderServicePlaceOrder.Handle(ops, orders.fulfil)
			shopv1service.RegisterOrderService(r, orders)
			operation.Register(r, ops)
		}))
	}
	const orders = 40
	var clients sync.WaitGroup
	for i := range orders {
		clients.Go(func() {
			svc, ops := shopv1service.NewOrderServiceClient(conns[i%2]), operation.NewClient(conns[(i+1)%2]) // waits at the other one
			id := fmt.Sprint("order", i)
			op, err := shopv1service.OrderServicePlaceOrder.Call(ctx, svc, ops, &shopv1.PlaceOrderRequest{OrderId: id})
			if err != nil {
				t.Error(err)
				return
			}
			if result, err := op.Wait(ctx); err != nil || result.GetParcel() != "parcels/"+id {
				t.Errorf("%s: %v, %v", id, result, err)
			}
		})
	}
	clients.Wait()
	// An order that exists starts nothing: its transaction is rolled back.
	svc := shopv1service.NewOrderServiceClient(conns[0])
	if _, err := svc.PlaceOrder(ctx, &shopv1.PlaceOrderRequest{OrderId: "order1"}); status.Code(err) == codes.OK {
		t.Error("an order was placed twice")
	}
	var rows, parcels, operations int
	err := pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM parcels),
		(SELECT count(*) FROM grpcservice.operations)`).Scan(&rows, &parcels, &operations)
	if err != nil || rows != orders || parcels != orders || operations != orders {
		t.Errorf("there are %d orders, %d parcels and %d operations, %v; want %d of each", rows, parcels, operations, err, orders)
	}
}
