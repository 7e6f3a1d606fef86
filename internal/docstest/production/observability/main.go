// Command observability is the program of docs/observability.md. A test compares it with the page.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/otlp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func main() {
	if err := run(context.Background(), os.Getenv); err != nil {
		slog.Error("the server has stopped", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string) error {
	logger := slog.New(grpcotel.LogHandler(server.NewJSONHandler(os.Stderr, nil)))
	traces := otlp.New(otlp.WithLogger(logger))
	spans := grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
	metrics := grpcprom.New(grpcprom.WithExemplars(grpcotel.ExemplarLabels))
	page := admin.New(admin.WithAddr(getenv("ADMIN_ADDR")), admin.WithMetrics(metrics.Handler()))

	conn, err := client.Dial(getenv("CATALOGUE"), client.WithInsecure(),
		client.WithObservers(spans.Client(), metrics.Client()))
	if err != nil {
		return err
	}
	defer conn.Close()

	srv := server.New(
		server.WithLogger(logger),
		server.WithObservers(spans.Server(), metrics.Server(), page),
		server.WithCompanions(traces, metrics, page),
	)
	libraryv1service.RegisterBookService(srv, newBooks(libraryv1service.NewBookServiceClient(conn)))
	return srv.Run(ctx, getenv("ADDR"))
}
