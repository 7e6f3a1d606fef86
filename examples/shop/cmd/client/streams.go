package main

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// playProducts reads a server stream.
func playProducts(ctx context.Context, products shopv1service.ProductService) error {
	search := &shopv1.SearchRequest{Query: "coffee", Limit: 2}
	found := 0
	for product, err := range products.SearchProducts(ctx, search) {
		if err != nil {
			return fmt.Errorf("SearchProducts: %w", err)
		}
		found++
		say("SearchProducts", "%d: %s, %d.%02d", found, product.GetName(), product.GetPriceCents()/100, product.GetPriceCents()%100)
	}
	if found != int(search.Limit) {
		return fmt.Errorf("SearchProducts: want %d products, got %d", search.Limit, found)
	}
	return nil
}

// playAnalytics sends a client stream.
func playAnalytics(ctx context.Context, analytics shopv1service.AnalyticsService) error {
	now := timestamppb.Now()
	result, err := analytics.RecordMetrics(ctx, stream.Of(
		&shopv1.Metric{Name: "page_load_ms", Value: 120, Timestamp: now},
		&shopv1.Metric{Name: "page_load_ms", Value: 80, Timestamp: now},
		&shopv1.Metric{Name: "cart_items", Value: 3, Timestamp: now},
	))
	if err != nil {
		return fmt.Errorf("RecordMetrics: %w", err)
	}
	load := result.GetAggregates()["page_load_ms"]
	say("RecordMetrics", "sent %d metrics; page_load_ms came %d times, from %v to %v", result.GetCount(), load.GetCount(), load.GetMin(), load.GetMax())
	if result.GetCount() != 3 || load.GetSum() != 200 {
		return fmt.Errorf("RecordMetrics: want 3 metrics and 200 ms, got %v", result)
	}
	return nil
}
