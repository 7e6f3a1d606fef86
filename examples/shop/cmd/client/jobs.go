package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime/batch"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// playJobs starts operations that succeed, fail in part, fail entirely, and are cancelled.
func playJobs(ctx, stranger context.Context, jobs shopv1service.BatchJobService, ops operation.Client) error {
	name, err := playProgress(ctx, jobs, ops)
	if err != nil {
		return err
	}
	if err := playFailures(ctx, jobs, ops); err != nil {
		return err
	}
	if err := playCancel(ctx, jobs, ops); err != nil {
		return err
	}
	if err := playName(ctx, jobs, name); err != nil {
		return err
	}
	return playJobRejections(ctx, stranger, jobs, ops, name)
}

// newPrices returns a request with a new price for each product.
func newPrices(products ...int32) *shopv1.BatchRequest {
	req := &shopv1.BatchRequest{Catalogue: "catalogues/main"}
	for _, id := range products {
		req.Items = append(req.Items, &shopv1.PriceChange{ProductId: id, PriceCents: 500 + rand.Int64N(9500)})
	}
	return req
}

// playProgress watches an operation and waits for its result.
func playProgress(ctx context.Context, jobs shopv1service.BatchJobService, ops operation.Client) (name string, err error) {
	op, err := shopv1service.BatchJobServiceProcessBatch.Call(ctx, jobs, ops, newPrices(1, 2, 3, 4, 5, 6))
	if err != nil {
		return "", fmt.Errorf("ProcessBatch: %w", err)
	}
	say("ProcessBatch", "started an operation")
	for progress, err := range op.Progress(ctx, operation.WithInterval(20*time.Millisecond)) {
		if err != nil {
			return "", fmt.Errorf("ProcessBatch: %w", err)
		}
		say("ProcessBatch", "%d of %d", progress.GetDone(), progress.GetTotal())
	}
	result, err := op.Wait(ctx)
	if err != nil {
		return "", fmt.Errorf("ProcessBatch: %w", err)
	}
	say("ProcessBatch", "%d products have new prices", result.GetChanged())
	return op.Name(), nil
}

// playFailures has some items fail, which does not fail an operation, and then all of them, which
// does.
func playFailures(ctx context.Context, jobs shopv1service.BatchJobService, ops operation.Client) error {
	op, err := shopv1service.BatchJobServiceProcessBatch.Call(ctx, jobs, ops, newPrices(1, 99))
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	result, err := op.Wait(ctx)
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	metadata, err := op.Metadata()
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	failed := metadata.GetFailedRequests()
	say("ProcessBatch", "%d new price; items[1] failed: %s", result.GetChanged(), failed[1].GetMessage())
	if len(failed) != 1 || codes.Code(failed[1].GetCode()) != codes.NotFound {
		return fmt.Errorf("ProcessBatch: want items[1] to fail with NOT_FOUND, got %v", failed)
	}

	op, err = shopv1service.BatchJobServiceProcessBatch.Call(ctx, jobs, ops, newPrices(98, 99))
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	_, err = op.Wait(ctx)
	return expect("ProcessBatch", err, codes.Aborted, operation.ReasonNoneSucceeded)
}

// playCancel cancels a running operation. While it runs, no other operation may start.
func playCancel(ctx context.Context, jobs shopv1service.BatchJobService, ops operation.Client) error {
	op, err := shopv1service.BatchJobServiceProcessBatch.Call(ctx, jobs, ops, newPrices(slices.Repeat([]int32{1, 2, 3, 4, 5, 6}, 30)...))
	if err != nil {
		return fmt.Errorf("ProcessBatch: %w", err)
	}
	_, err = jobs.ProcessBatch(ctx, newPrices(1))
	if err := expect("ProcessBatch", err, codes.Aborted, operation.ReasonConflict); err != nil {
		return err
	}
	if err := op.Cancel(ctx); err != nil {
		return fmt.Errorf("CancelOperation: %w", err)
	}
	_, err = op.Wait(ctx)
	// Which distinguishes a failed operation from a failed call.
	if failed := new(operation.Failed); !errors.As(err, &failed) {
		return fmt.Errorf("ProcessBatch: want an operation that failed, got %w", err)
	}
	return expect("ProcessBatch", err, codes.Canceled, operation.ReasonCancelled)
}

// playName resumes an operation of which only the name is known, through the service itself.
func playName(ctx context.Context, jobs shopv1service.BatchJobService, name string) error {
	op := shopv1service.BatchJobServiceProcessBatch.Named(shopv1service.BatchJobServiceGetOperation.Client(jobs), name)
	result, err := op.Wait(ctx)
	if err != nil {
		return fmt.Errorf("GetOperation: %w", err)
	}
	say("GetOperation", "by its name, the first operation: %d products have new prices", result.GetChanged())
	return nil
}

// playJobRejections starts invalid operations, and requests operations that do not exist or that
// belong to another caller.
func playJobRejections(ctx, stranger context.Context, jobs shopv1service.BatchJobService, ops operation.Client, name string) error {
	_, err := jobs.ProcessBatch(ctx, newPrices(0))
	if err := expect("ProcessBatch", err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest); err != nil {
		return err
	}
	_, err = jobs.ProcessBatch(ctx, newPrices(slices.Repeat([]int32{1}, 1000)...))
	if err := expect("ProcessBatch", err, codes.InvalidArgument, batch.ReasonTooLarge); err != nil {
		return err
	}
	_, err = jobs.GetOperation(ctx, &shopv1.GetOperationRequest{Name: "operations/none"})
	if err := expect("GetOperation", err, codes.NotFound, operation.ReasonNotFound); err != nil {
		return err
	}
	_, err = ops.Get(stranger, name)
	return expect("GetOperation", err, codes.NotFound, operation.ReasonNotFound)
}
