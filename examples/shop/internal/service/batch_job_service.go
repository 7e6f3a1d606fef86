package service

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// MainCatalogue is the name of the shop's only catalogue.
const MainCatalogue = "catalogues/main"

// Prices is where the prices of a catalogue are: a [Catalogue], or a system that takes its time.
type Prices interface {
	// SetPrice sets the price of a product, and reports whether it was another one before.
	SetPrice(ctx context.Context, productID int32, cents int64) (changed bool, err error)
}

// BatchJobService changes prices in long-running operations. It implements
// [shopv1service.BatchJobService].
type BatchJobService struct {
	ops    *operation.Manager
	prices Prices
}

// NewBatchJobService returns a BatchJobService whose operations ops keeps and works on.
func NewBatchJobService(ops *operation.Manager, prices Prices) *BatchJobService {
	s := &BatchJobService{ops, prices}
	shopv1service.BatchJobServiceProcessBatch.Handle(ops, s.process)
	return s
}

// ProcessBatch starts an operation that changes the prices of many products.
func (s *BatchJobService) ProcessBatch(ctx context.Context, req *shopv1.BatchRequest) (*longrunningpb.Operation, error) {
	// Validated during the call: an operation could not return it to the caller directly.
	if err := checkBatch(req); err != nil {
		return nil, err
	}
	return shopv1service.BatchJobServiceProcessBatch.Start(ctx, s.ops, req,
		operation.WithMetadata(&shopv1.BatchMetadata{Total: int32(len(req.GetItems()))}))
}

// GetOperation returns an operation of the caller, or NOT_FOUND.
func (s *BatchJobService) GetOperation(ctx context.Context, req *shopv1.GetOperationRequest) (*longrunningpb.Operation, error) {
	return shopv1service.BatchJobServiceGetOperation.Serve(ctx, s.ops, req)
}

// process runs an operation. If this process dies, another attempt continues with the items that
// are not done. It may process one item twice, which only sets its price again.
func (s *BatchJobService) process(ctx context.Context, run *operation.Run[shopv1.BatchRequest, shopv1.BatchMetadata]) (*shopv1.BatchResponse, error) {
	changes, err := operation.Each(ctx, run, run.Request().GetItems(), func(ctx context.Context, item *shopv1.PriceChange) (bool, error) {
		return s.prices.SetPrice(ctx, item.GetProductId(), item.GetPriceCents())
	}, operation.WithProgress(countItems), operation.WithSaveInterval(saveEvery))
	if err != nil {
		return nil, err
	}
	response := &shopv1.BatchResponse{}
	for _, changed := range changes {
		if changed {
			response.Changed++
		}
	}
	return response, nil
}

// saveEvery is the maximum delay of the progress that callers see.
const saveEvery = 100 * time.Millisecond

// countItems records how many items are done.
func countItems(metadata *shopv1.BatchMetadata, ended, total int) {
	metadata.Done, metadata.Total = int32(ended), int32(total)
}
