// Command server serves the shop until it gets SIGTERM or SIGINT.
package main

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/upload"
	"github.com/grpcservice/grpcservice/runtime/validate"
)

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", cmp.Or(os.Getenv("SHOP_ADDR"), ":8080"), "TCP `address` to serve at; SHOP_ADDR sets it too")
	flag.StringVar(&c.admin, "admin", cmp.Or(os.Getenv("SHOP_ADMIN"), "127.0.0.1:9090"), "TCP `address` of the admin page and of /metrics; SHOP_ADMIN sets it too")
	flag.StringVar(&c.web, "web", os.Getenv("SHOP_WEB"), "TCP `address` of the page of the shop, and of Connect and gRPC-Web; SHOP_WEB sets it too")
	flag.StringVar(&c.webOrigins, "web-origins", os.Getenv("SHOP_WEB_ORIGINS"), "`origins` of other pages that may call -web, separated by commas; SHOP_WEB_ORIGINS sets them too")
	flag.DurationVar(&c.drainDelay, "drain-delay", server.DefaultDrainDelay, "`time` that load balancers get to notice a shutdown")
	flag.StringVar(&c.store, "store", "memory", "where operations, idempotency keys and events are: `memory or postgres`")
	flag.StringVar(&c.database, "database", os.Getenv("SHOP_DATABASE"), "`URL` of the PostgreSQL database for -store=postgres; SHOP_DATABASE sets it too")
	flag.StringVar(&c.bus, "bus", "memory", "how the rooms of all replicas are connected: `memory or nats`")
	flag.StringVar(&c.nats, "nats", os.Getenv("SHOP_NATS"), "`URL` of the NATS server for -bus=nats; SHOP_NATS sets it too")
	flag.StringVar(&c.uploads, "uploads", filepath.Join(os.TempDir(), "shop-uploads"), "`directory` of unfinished uploads")
	flag.Parse()

	if err := c.serve(context.Background()); err != nil {
		slog.Error("shop", "error", err)
		os.Exit(1)
	}
}

// config are the flags.
type config struct {
	addr, admin     string
	web             string // "" without
	webOrigins      string // "" for none
	drainDelay      time.Duration
	store, database string
	bus, nats       string
	uploads         string
}

// serve serves the shop until it is asked to shut down.
func (c config) serve(ctx context.Context) error {
	keys, err := tokenKeys(os.Getenv)
	if err != nil {
		return err
	}
	staging, err := upload.OpenDir(c.uploads)
	if err != nil {
		return err
	}
	defer staging.Close()
	protection, closeAll, err := security(os.Getenv)
	if err != nil {
		return err
	}
	defer closeAll()
	storage, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer storage.close()
	lines := eventlog.New[shopv1.LogEntry](eventlog.NewMemory(eventlog.WithMaxBytes(1 << 20)))
	logger := slog.New(grpcotel.LogHandler(service.KeepLines(lines, slog.Default().Handler()))) // TailLogs shows the log
	telemetry := newTelemetry(c.admin, logger)
	browsers, err := c.browsers(logger)
	if err != nil {
		return err
	}
	srv := server.New(slices.Concat(protection, telemetry.options, browsers, []server.Option{
		server.WithDrainDelay(c.drainDelay),
		server.WithLogger(logger),
		// A retried order is placed once.
		server.WithIdempotency(idempotency.New(storage.responses)),
		// The protos have rules for the fields of users.
		server.WithValidator(validate.New()),
		// The keys that seal page tokens.
		server.WithTokenKeys(keys...),
		// This API is public: let grpcurl list, describe and call it.
		server.WithReflection(),
	})...)
	closeSupplier, err := register(srv, telemetry, storage, lines, staging)
	if err != nil {
		return err
	}
	defer closeSupplier()
	return srv.Run(ctx, c.addr)
}

// register registers the services. The function frees what they use.
func register(
	srv *server.Server, telemetry telemetry, storage *storage, lines *service.Lines, staging *upload.Dir,
) (closeSupplier func(), err error) {
	events, rooms := storage.events, storage.rooms
	catalogue := service.NewCatalogue(service.Products()...)
	prices, closeSupplier, err := withSupplier(slowPrices{catalogue, events}, os.Getenv, telemetry.client...)
	if err != nil {
		return nil, err
	}
	// Replicas that share a store take over each other's operations.
	ops := operation.NewManager(storage.operations)
	shopv1service.RegisterUserService(srv, service.NewUserService())
	shopv1service.RegisterProductService(srv, service.NewProductService(catalogue))
	shopv1service.RegisterOrderService(srv, service.NewOrderService(catalogue, events))
	shopv1service.RegisterBatchJobService(srv, service.NewBatchJobService(ops, prices))
	shopv1service.RegisterAnalyticsService(srv, service.NewAnalyticsService())
	shopv1service.RegisterEventService(srv, service.NewEventService(events))
	shopv1service.RegisterLogService(srv, service.NewLogService(lines))
	shopv1service.RegisterUploadService(srv, service.NewUploadService(staging))
	shopv1service.RegisterChatService(srv, service.NewChatService(rooms))
	shopv1service.RegisterCollaborationService(srv, service.NewCollaborationService())
	shopv1service.RegisterGameService(srv, service.NewGameService())
	// Google.longrunning.Operations; ops runs as long as the server serves.
	operation.Register(srv, ops)
	srv.AddSources(events, rooms) // of metrics
	return closeSupplier, nil
}
