package service_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestAnalyticsServiceContract(t *testing.T) {
	shopv1servicetest.CheckAnalyticsService(t, service.NewAnalyticsService())
}

func TestRecordMetrics(t *testing.T) {
	analytics := shopv1servicetest.ServeAnalyticsService(t, service.NewAnalyticsService())
	got, err := analytics.RecordMetrics(t.Context(), stream.Of(
		&shopv1.Metric{Name: "load", Value: -1},
		&shopv1.Metric{Name: "load", Value: 4},
		&shopv1.Metric{Name: "items", Value: 3},
	))
	if err != nil {
		t.Fatal(err)
	}
	want := &shopv1.AggregateResult{Count: 3, Aggregates: map[string]*shopv1.AggregateResult_Aggregate{
		"load":  {Count: 2, Sum: 3, Min: -1, Max: 4},
		"items": {Count: 1, Sum: 3, Min: 3, Max: 3},
	}}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestRecordNoMetrics(t *testing.T) {
	analytics := shopv1servicetest.ServeAnalyticsService(t, service.NewAnalyticsService())
	got, err := analytics.RecordMetrics(t.Context(), stream.Of[shopv1.Metric]())
	if err != nil || got.GetCount() != 0 {
		t.Errorf("got %v, %v; want no metrics", got, err)
	}
}

func TestRecordMetricsRejects(t *testing.T) {
	analytics := shopv1servicetest.ServeAnalyticsService(t, service.NewAnalyticsService())
	var names []*shopv1.Metric
	for i := range 1001 {
		names = append(names, &shopv1.Metric{Name: fmt.Sprint(i)})
	}
	tests := []struct {
		name    string
		metrics []*shopv1.Metric
		code    codes.Code
	}{
		{"no name", []*shopv1.Metric{{Value: 1}}, codes.InvalidArgument},
		{"long name", []*shopv1.Metric{{Name: strings.Repeat("n", 101)}}, codes.InvalidArgument},
		{"not a number", []*shopv1.Metric{{Name: "n", Value: math.NaN()}}, codes.InvalidArgument},
		{"infinite", []*shopv1.Metric{{Name: "n", Value: math.Inf(1)}}, codes.InvalidArgument},
		{"too many names", names, codes.ResourceExhausted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := analytics.RecordMetrics(t.Context(), stream.Of(test.metrics...))
			wantCode(t, err, test.code)
		})
	}
}
