package main

import (
	"context"

	stockprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"

	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The stacks with metrics and spans. Callers of these send a trace context, sampled or not.
const (
	oursMetrics          = "grpcservice, metrics"
	oursTraced           = "grpcservice, metrics and spans"
	oursSampled          = "grpcservice, metrics and spans, sampled"
	stockTraced          = "otelgrpc"
	stockSampled         = "otelgrpc, sampled"
	middlewareTraced     = "go-grpc-middleware, prometheus, otelgrpc"
	middlewareSampled    = "go-grpc-middleware, prometheus, otelgrpc, sampled"
	unsampledTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	sampledTraceparent   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// telemetryStacks are in the order of the output.
var telemetryStacks = []string{
	bare, oursTraced, oursSampled, stockTraced, stockSampled, middlewareTraced, middlewareSampled,
}

// traceparents are what callers of a stack send.
var traceparents = map[string]string{
	oursTraced: unsampledTraceparent, stockTraced: unsampledTraceparent,
	middlewareTraced: unsampledTraceparent, oursSampled: sampledTraceparent,
	stockSampled: sampledTraceparent, middlewareSampled: sampledTraceparent,
}

// measureTelemetry compares what server processes use with metrics and spans.
func measureTelemetry(ctx context.Context, o options) error {
	printHead("bare")
	return withPrograms(func(p *programs) error { return printCalls(ctx, p, telemetryStacks, o) })
}

// registerTelemetry puts FullService with a stack that has metrics and spans on a server.
func registerTelemetry(stack string) *grpc.Server {
	switch stack {
	case oursMetrics:
		return registerPipeline(append(pipelineOptions(stack), server.WithObservers(grpcprom.New().Server())))
	case oursTraced, oursSampled:
		telemetry := grpcotel.New(grpcotel.WithTracerProvider(newTracerProvider()),
			grpcotel.WithMeterProvider(noop.NewMeterProvider()))
		return registerPipeline(append(pipelineOptions(stack),
			server.WithObservers(grpcprom.New().Server(), telemetry.Server())))
	case stockTraced, stockSampled:
		srv := grpc.NewServer(statsHandler(newMeterProvider()))
		policyv1.RegisterFullServiceServer(srv, stockService{})
		return srv
	default:
		return registerMiddleware()
	}
}

// registerMiddleware serves with go-grpc-middleware's metrics, and with otelgrpc's spans alone, so
// that calls are not measured twice.
func registerMiddleware() *grpc.Server {
	metrics := stockprom.NewServerMetrics(stockprom.WithServerHandlingTimeHistogram())
	prometheus.NewRegistry().MustRegister(metrics)
	unary := []grpc.UnaryServerInterceptor{metrics.UnaryServerInterceptor()}
	stream := []grpc.StreamServerInterceptor{metrics.StreamServerInterceptor()}
	srv := grpc.NewServer(statsHandler(noop.NewMeterProvider()),
		grpc.ChainUnaryInterceptor(append(unary, unaryMiddleware()...)...),
		grpc.ChainStreamInterceptor(append(stream, streamMiddleware()...)...))
	policyv1.RegisterFullServiceServer(srv, stockService{})
	return srv
}

func statsHandler(meters metric.MeterProvider) grpc.ServerOption {
	return grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(newTracerProvider()),
		otelgrpc.WithMeterProvider(meters), otelgrpc.WithPropagators(propagation.TraceContext{})))
}

// newTracerProvider returns the SDK with its batch processor, as programs use it. The spans are
// discarded after that.
func newTracerProvider() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())), sdktrace.WithBatcher(discarded{}))
}

func newMeterProvider() *sdkmetric.MeterProvider {
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
}

// discarded is an exporter that does nothing.
type discarded struct{}

// ExportSpans implements sdktrace.SpanExporter.
func (discarded) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }

// Shutdown implements sdktrace.SpanExporter.
func (discarded) Shutdown(context.Context) error { return nil }
