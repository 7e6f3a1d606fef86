package main

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
)

// slowPrices stands for a system that takes its time to change a price, so that there is an operation to look at.
type slowPrices struct{ service.Prices }

// SetPrice implements service.Prices.
func (p slowPrices) SetPrice(ctx context.Context, productID int32, cents int64) (changed bool, err error) {
	select {
	case <-time.After(50 * time.Millisecond):
		return p.Prices.SetPrice(ctx, productID, cents)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
