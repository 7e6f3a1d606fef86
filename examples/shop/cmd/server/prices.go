package main

import (
	"context"
	"strconv"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
)

// slowPrices simulates a system that takes a while to change a price, so that there is a running
// operation to observe. It appends changes to events.
type slowPrices struct {
	service.Prices
	events *service.Events
}

// SetPrice implements service.Prices.
func (p slowPrices) SetPrice(ctx context.Context, productID int32, cents int64) (changed bool, err error) {
	select {
	case <-time.After(50 * time.Millisecond):
		if changed, err = p.Prices.SetPrice(ctx, productID, cents); changed {
			service.Notify(ctx, p.events, service.PriceChanged, "products/"+strconv.Itoa(int(productID)))
		}
		return changed, err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
