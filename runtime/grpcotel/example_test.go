package grpcotel_test

import (
	"context"
	"log"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// A server and its client make spans and metrics. Log records have the IDs of the spans.
func ExampleNew() {
	telemetry := grpcotel.New()
	conn, err := client.Dial("dns:///books:8443", client.WithObservers(telemetry.Client()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	srv := server.New(
		server.WithObservers(telemetry.Server()),
		server.WithLogger(slog.New(grpcotel.LogHandler(slog.NewJSONHandler(os.Stderr, nil)))),
	)
	// Register services here.
	if err := srv.Run(context.Background(), ":8443"); err != nil {
		log.Fatal(err)
	}
}

// Spans are switched off; the metrics of calls and of the server itself remain.
func ExampleTelemetry_Add() {
	telemetry := grpcotel.New(grpcotel.WithTracerProvider(noop.NewTracerProvider()))
	srv := server.New(server.WithObservers(telemetry.Server()))
	if err := telemetry.Add(srv); err != nil {
		log.Fatal(err)
	}
}
