package main

import (
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/otlp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// telemetry returns the options that make the server observable: metrics, traces, an admin page, and
// log records with trace IDs. To do without them, delete this file and the line of main.go that
// calls telemetry, and run go mod tidy.
//
// The environment configures it:
//
//	ADMIN_ADDR                   the address of the admin page and of /metrics; default 127.0.0.1:9090
//	OTEL_EXPORTER_OTLP_ENDPOINT  the collector of traces, such as http://localhost:4317; default none
//	OTEL_SERVICE_NAME            the name of this service in traces
//	OTEL_TRACES_SAMPLER          which calls are traced; default parentbased_always_on
func telemetry(getenv func(string) string, logger *slog.Logger) []server.Option {
	logger = slog.New(grpcotel.LogHandler(logger.Handler()))
	slog.SetDefault(logger)
	traces := otlp.New(otlp.WithLogger(logger))
	spans := grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
	metrics := grpcprom.New(grpcprom.WithExemplars(grpcotel.ExemplarLabels))
	page := admin.New(
		admin.WithAddr(getenv("ADMIN_ADDR")),
		admin.WithMetrics(metrics.Handler()),
	)
	return []server.Option{
		server.WithLogger(logger),
		server.WithObservers(spans.Server(), metrics.Server(), page),
		server.WithCompanions(traces, metrics, page),
	}
}
