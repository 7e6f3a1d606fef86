package main

import (
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/otlp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// telemetry is what makes the shop observable.
type telemetry struct {
	spans   *grpcotel.Telemetry
	options []server.Option    // of the server
	client  []runtime.Observer // of the connections to other servers
}

// newTelemetry returns metrics, traces and the admin page. Traces go to the collector at
// OTEL_EXPORTER_OTLP_ENDPOINT.
func newTelemetry(adminAddr string, logger *slog.Logger) telemetry {
	traces := otlp.New(otlp.WithLogger(logger))
	spans := grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
	metrics := grpcprom.New(grpcprom.WithExemplars(grpcotel.ExemplarLabels))
	page := admin.New(admin.WithAddr(adminAddr), admin.WithMetrics(metrics.Handler()))
	return telemetry{
		spans: spans,
		options: []server.Option{
			server.WithObservers(spans.Server(), metrics.Server(), page),
			server.WithCompanions(traces, metrics, page),
		},
		client: []runtime.Observer{spans.Client(), metrics.Client()},
	}
}
