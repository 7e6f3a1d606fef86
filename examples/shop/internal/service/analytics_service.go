package service

import (
	"context"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Limits of the memory of a RecordMetrics call.
const (
	maxMetricNames = 1000
	maxMetricName  = 100 // bytes
)

// AnalyticsService sums up the metrics of each call. It implements
// [shopv1service.AnalyticsService].
type AnalyticsService struct{}

// NewAnalyticsService returns an AnalyticsService.
func NewAnalyticsService() *AnalyticsService { return &AnalyticsService{} }

// RecordMetrics takes metrics until the client has no more, and returns what they come to.
func (s *AnalyticsService) RecordMetrics(ctx context.Context, metrics runtime.Stream[shopv1.Metric]) (*shopv1.AggregateResult, error) {
	result := &shopv1.AggregateResult{Aggregates: make(map[string]*shopv1.AggregateResult_Aggregate)}
	return stream.Fold(ctx, metrics, result, func(result *shopv1.AggregateResult, metric *shopv1.Metric) (*shopv1.AggregateResult, error) {
		return result, add(result, metric)
	})
}

// add adds one metric to result.
func add(result *shopv1.AggregateResult, metric *shopv1.Metric) error {
	name, value := metric.GetName(), metric.GetValue()
	if name == "" || len(name) > maxMetricName {
		return rpcerr.Invalid(rpcerr.Violation("name", "must have 1 to %d bytes, has %d", maxMetricName, len(name)))
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return rpcerr.Invalid(rpcerr.Violation("value", "must be finite, is %v", value))
	}
	aggregate, ok := result.Aggregates[name]
	if !ok {
		if len(result.Aggregates) == maxMetricNames {
			return status.Errorf(codes.ResourceExhausted, "a call may have metrics of %d names", maxMetricNames)
		}
		aggregate = &shopv1.AggregateResult_Aggregate{Min: value, Max: value}
		result.Aggregates[name] = aggregate
	}
	result.Count++
	aggregate.Count++
	aggregate.Sum += value
	aggregate.Min = min(aggregate.Min, value)
	aggregate.Max = max(aggregate.Max, value)
	return nil
}
