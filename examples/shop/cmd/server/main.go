// Command server serves the shop until it gets SIGTERM or SIGINT.
package main

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"os"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime"
)

func main() {
	addr := flag.String("addr", cmp.Or(os.Getenv("SHOP_ADDR"), ":8080"), "TCP `address` to serve at; SHOP_ADDR sets it too")
	drainDelay := flag.Duration("drain-delay", runtime.DefaultDrainDelay, "`time` that load balancers get to notice a shutdown")
	flag.Parse()

	if err := serve(context.Background(), *addr, *drainDelay); err != nil {
		slog.Error("shop", "error", err)
		os.Exit(1)
	}
}

// serve serves the shop at addr until it is told to stop.
func serve(ctx context.Context, addr string, drainDelay time.Duration) error {
	srv := runtime.NewServer(
		runtime.WithDrainDelay(drainDelay),
		runtime.WithAuthenticator(auth.Authenticator()), // the protos say who may call what
		runtime.WithReflection(),                        // this API is no secret: let grpcurl list, describe and call it
	)
	shopv1service.RegisterUserService(srv, service.NewUserService())
	shopv1service.RegisterProductService(srv, service.NewProductService(service.Catalogue()))
	shopv1service.RegisterAnalyticsService(srv, service.NewAnalyticsService())
	shopv1service.RegisterChatService(srv, service.NewChatService())
	return srv.Run(ctx, addr)
}
