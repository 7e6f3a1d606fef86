// Command server serves the shop until it gets SIGTERM or SIGINT.
package main

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/upload"
	"github.com/grpcservice/grpcservice/runtime/validate"
)

func main() {
	addr := flag.String("addr", cmp.Or(os.Getenv("SHOP_ADDR"), ":8080"), "TCP `address` to serve at; SHOP_ADDR sets it too")
	drainDelay := flag.Duration("drain-delay", server.DefaultDrainDelay, "`time` that load balancers get to notice a shutdown")
	uploads := flag.String("uploads", filepath.Join(os.TempDir(), "shop-uploads"), "`directory` of unfinished uploads")
	flag.Parse()

	if err := serve(context.Background(), *addr, *drainDelay, *uploads); err != nil {
		slog.Error("shop", "error", err)
		os.Exit(1)
	}
}

// serve serves the shop at addr until it is asked to shut down.
func serve(ctx context.Context, addr string, drainDelay time.Duration, uploads string) error {
	keys, err := tokenKeys(os.Getenv)
	if err != nil {
		return err
	}
	staging, err := upload.OpenDir(uploads)
	if err != nil {
		return err
	}
	defer staging.Close()
	events, lines := eventlog.New[shopv1.Event](eventlog.NewMemory()), eventlog.New[shopv1.LogEntry](eventlog.NewMemory(eventlog.WithMaxBytes(1<<20)))
	protection, closeAll, err := security(os.Getenv)
	if err != nil {
		return err
	}
	defer closeAll()
	srv := server.New(append(protection,
		server.WithDrainDelay(drainDelay),
		server.WithLogger(slog.New(service.KeepLines(lines, slog.Default().Handler()))), // TailLogs shows the log
		// A retried order is placed once.
		server.WithIdempotency(idempotency.New(idempotency.Memory())),
		// The protos have rules for the fields of users.
		server.WithValidator(validate.New()),
		// The keys that seal page tokens.
		server.WithTokenKeys(keys...),
		// This API is public: let grpcurl list, describe and call it.
		server.WithReflection(),
	)...)
	catalogue := service.NewCatalogue(service.Products()...)
	// Replicas that share a store take over each other's operations.
	ops := operation.NewManager(operation.Memory())
	shopv1service.RegisterUserService(srv, service.NewUserService())
	shopv1service.RegisterProductService(srv, service.NewProductService(catalogue))
	shopv1service.RegisterOrderService(srv, service.NewOrderService(catalogue, events))
	shopv1service.RegisterBatchJobService(srv, service.NewBatchJobService(ops, slowPrices{catalogue, events}))
	shopv1service.RegisterAnalyticsService(srv, service.NewAnalyticsService())
	shopv1service.RegisterEventService(srv, service.NewEventService(events))
	shopv1service.RegisterLogService(srv, service.NewLogService(lines))
	shopv1service.RegisterUploadService(srv, service.NewUploadService(staging))
	shopv1service.RegisterChatService(srv, service.NewChatService(service.Rooms()))
	shopv1service.RegisterCollaborationService(srv, service.NewCollaborationService())
	shopv1service.RegisterGameService(srv, service.NewGameService())
	// Google.longrunning.Operations; ops runs as long as the server serves.
	operation.Register(srv, ops)
	return srv.Run(ctx, addr)
}
