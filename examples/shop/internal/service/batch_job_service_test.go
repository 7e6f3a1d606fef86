package service_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/batch"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// process starts operations.
var process = shopv1service.BatchJobServiceProcessBatch

// jobs is a BatchJobService and a client for its operations.
type jobs struct {
	shopv1service.BatchJobService
	ops operation.Client
}

// serveJobs serves the jobs of a store as the shop's server does: with
// google.longrunning.Operations, and with workers.
func serveJobs(t testing.TB, store operation.Store, prices service.Prices, opts ...server.Option) jobs {
	t.Helper()
	ops := operation.NewManager(store)
	svc := service.NewBatchJobService(ops, prices)
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		shopv1service.RegisterBatchJobService(r, svc)
		operation.Register(r, ops)
	}, opts...)
	return jobs{shopv1service.NewBatchJobServiceClient(conn), operation.NewClient(conn)}
}

// gatedPrices set a price only when the test permits it.
type gatedPrices struct {
	service.Prices
	gate chan struct{}

	mu  sync.Mutex
	set []int32 // the products, in order
}

func (p *gatedPrices) SetPrice(ctx context.Context, productID int32, cents int64) (bool, error) {
	select {
	case <-p.gate:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	p.mu.Lock()
	p.set = append(p.set, productID)
	p.mu.Unlock()
	return p.Prices.SetPrice(ctx, productID, cents)
}

// permit lets one price be set. It fails the test if no operation sets any.
func (p *gatedPrices) permit(t *testing.T) {
	t.Helper()
	select {
	case p.gate <- struct{}{}:
	case <-time.After(20 * time.Second):
		t.Fatal("no operation sets a price")
	}
}

func newGatedPrices() *gatedPrices {
	return &gatedPrices{Prices: service.NewCatalogue(service.Products()...), gate: make(chan struct{})}
}

// priced returns a request for a price of 10.00 for each product.
func priced(products ...int32) *shopv1.BatchRequest {
	req := &shopv1.BatchRequest{Catalogue: service.MainCatalogue}
	for _, id := range products {
		req.Items = append(req.Items, &shopv1.PriceChange{ProductId: id, PriceCents: 1000})
	}
	return req
}

func TestBatchJobServiceContract(t *testing.T) {
	ops := operation.NewManager(operation.Memory())
	shopv1servicetest.CheckBatchJobService(t, service.NewBatchJobService(ops, service.NewCatalogue(service.Products()...)))
}

func TestProcessBatch(t *testing.T) {
	catalogue := service.NewCatalogue(service.Products()...)
	jobs := serveJobs(t, operation.Memory(), catalogue)
	for _, want := range []int32{3, 0} { // the second time, the prices are already set
		op, err := process.Call(t.Context(), jobs, jobs.ops, priced(1, 2, 3))
		if err != nil {
			t.Fatal(err)
		}
		result, err := op.Wait(t.Context())
		if err != nil || result.GetChanged() != want {
			t.Errorf("Wait = %v, %v; want %d changed", result, err, want)
		}
		metadata, err := op.Metadata()
		if err != nil || metadata.GetDone() != 3 || metadata.GetTotal() != 3 || metadata.GetEndTime() == nil {
			t.Errorf("Metadata = %v, %v; want 3 of 3 done", metadata, err)
		}
	}
	for _, product := range catalogue.Products()[:3] {
		if product.GetPriceCents() != 1000 {
			t.Errorf("%v has not the new price", product)
		}
	}
}

func TestProcessBatchInPart(t *testing.T) {
	jobs := serveJobs(t, operation.Memory(), service.NewCatalogue(service.Products()...))
	op, err := process.Call(t.Context(), jobs, jobs.ops, priced(99, 1, 98))
	if err != nil {
		t.Fatal(err)
	}
	result, err := op.Wait(t.Context())
	if err != nil || result.GetChanged() != 1 {
		t.Errorf("Wait = %v, %v; want one changed", result, err)
	}
	metadata, err := op.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	failed := metadata.GetFailedRequests()
	if len(failed) != 2 || codes.Code(failed[0].GetCode()) != codes.NotFound || codes.Code(failed[2].GetCode()) != codes.NotFound {
		t.Errorf("failed are %v, want items 0 and 2 with NOT_FOUND", failed)
	}

	op, err = process.Call(t.Context(), jobs, jobs.ops, priced(99, 98))
	if err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(t.Context())
	wantReason(t, err, codes.Aborted, operation.ReasonNoneSucceeded)
}

func TestProcessBatchRejects(t *testing.T) {
	jobs := serveJobs(t, operation.Memory(), service.NewCatalogue(service.Products()...))
	free := priced(1, 2)
	free.Items[1].PriceCents = -1
	unknown := priced(1)
	unknown.Catalogue = "catalogues/none"
	for _, test := range []struct {
		name   string
		req    *shopv1.BatchRequest
		code   codes.Code
		reason rpcerr.Reason
	}{
		{"no items", priced(), codes.InvalidArgument, rpcerr.ReasonInvalidRequest},
		{"too many items", priced(slices.Repeat([]int32{1}, 201)...), codes.InvalidArgument, batch.ReasonTooLarge},
		{"a price below 0", free, codes.InvalidArgument, rpcerr.ReasonInvalidRequest},
		{"another catalogue", unknown, codes.NotFound, shopv1service.BatchJobReasonCatalogueUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := jobs.ProcessBatch(t.Context(), test.req)
			wantReason(t, err, test.code, test.reason)
		})
	}
}

func TestProcessBatchCancelled(t *testing.T) {
	prices := newGatedPrices()
	jobs := serveJobs(t, operation.Memory(), prices)
	op, err := process.Call(t.Context(), jobs, jobs.ops, priced(1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	prices.permit(t)
	for metadata, err := range op.Progress(t.Context(), operation.WithInterval(time.Millisecond)) {
		if err != nil {
			t.Fatal(err)
		}
		if metadata.GetDone() == 1 {
			break
		}
	}
	if err := op.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(t.Context())
	wantReason(t, err, codes.Canceled, operation.ReasonCancelled)
	if failed := new(operation.Failed); !errors.As(err, &failed) {
		t.Errorf("%v is no failure of the operation", err)
	}
	if metadata, err := op.Metadata(); err != nil || metadata.GetDone() != 1 || len(metadata.GetFailedRequests()) != 0 {
		t.Errorf("Metadata = %v, %v; want one item done and none failed", metadata, err)
	}
}

// A catalogue has one running operation at a time; a retried request does not start a second one.
func TestProcessBatchOneAtATime(t *testing.T) {
	prices := newGatedPrices()
	jobs := serveJobs(t, operation.Memory(), prices)
	req := priced(1)
	req.RequestId = aUUID
	op, err := process.Call(t.Context(), jobs, jobs.ops, req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := process.Call(t.Context(), jobs, jobs.ops, req)
	if err != nil || again.Name() != op.Name() {
		t.Errorf("the same request again gets %v, %v; want %s", again, err, op.Name())
	}
	_, err = process.Call(t.Context(), jobs, jobs.ops, priced(1))
	wantReason(t, err, codes.Aborted, operation.ReasonConflict)
	close(prices.gate)
	if _, err := op.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err = process.Call(t.Context(), jobs, jobs.ops, priced(1)); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestOperationsAreTheirCallers(t *testing.T) {
	opts, callers := authenticated(t)
	jobs := serveJobs(t, operation.Memory(), service.NewCatalogue(service.Products()...), opts...)
	clerk, customer := callers.As(t.Context(), auth.Clerk), callers.As(t.Context(), auth.Customer)
	op, err := process.Call(clerk, jobs, jobs.ops, priced(1))
	if err != nil {
		t.Fatal(err)
	}
	throughService := process.Named(shopv1service.BatchJobServiceGetOperation.Client(jobs), op.Name())
	if result, err := throughService.Wait(clerk); err != nil || result.GetChanged() != 1 {
		t.Errorf("GetOperation: %v, %v", result, err)
	}
	_, err = jobs.ops.Get(customer, op.Name())
	wantReason(t, err, codes.NotFound, operation.ReasonNotFound)
	_, err = jobs.GetOperation(clerk, &shopv1.GetOperationRequest{Name: "operations/none"})
	wantReason(t, err, codes.NotFound, operation.ReasonNotFound)
	_, err = process.Call(customer, jobs, jobs.ops, priced(1))
	wantReason(t, err, codes.PermissionDenied, rpcerr.ReasonMissingScope)
}

// A server that shuts down releases its operations with their progress, and another server with the
// same store finishes them.
func TestProcessBatchOutlastsTheServer(t *testing.T) {
	store, prices := operation.Memory(), newGatedPrices()
	var name string
	t.Run("first server", func(t *testing.T) {
		jobs := serveJobs(t, store, prices)
		op, err := process.Call(t.Context(), jobs, jobs.ops, priced(1, 2, 3, 4, 5, 6))
		if err != nil {
			t.Fatal(err)
		}
		name = op.Name()
		for range 3 {
			prices.permit(t)
		}
		for metadata, err := range op.Progress(t.Context(), operation.WithInterval(time.Millisecond)) {
			if err != nil {
				t.Fatal(err)
			}
			if metadata.GetDone() == 3 {
				break
			}
		}
	})
	close(prices.gate)
	jobs := serveJobs(t, store, prices)
	op := process.Named(jobs.ops, name)
	if result, err := op.Wait(t.Context()); err != nil || result.GetChanged() != 6 {
		t.Errorf("Wait = %v, %v; want 6 changed", result, err)
	}
	if metadata, err := op.Metadata(); err != nil || metadata.GetDone() != 6 {
		t.Errorf("Metadata = %v, %v; want 6 done", metadata, err)
	}
	if len(prices.set) != 6 {
		t.Errorf("the prices of %v were set, want each of 6 once", prices.set)
	}
}
