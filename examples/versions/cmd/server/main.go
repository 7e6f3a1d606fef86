// Command server serves both versions of the users until it gets SIGTERM or SIGINT.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v1/usersv1service"
	"github.com/grpcservice/grpcservice/examples/versions/gen/users/v2/usersv2service"
	"github.com/grpcservice/grpcservice/examples/versions/internal/service"
	"github.com/grpcservice/grpcservice/examples/versions/internal/users"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func main() {
	store := &users.Store{}
	srv := server.New(server.WithReflection())
	usersv1service.RegisterUserService(srv, service.NewV1(store))
	usersv2service.RegisterUserService(srv, service.NewV2(store))
	if err := srv.Run(context.Background(), ":8080"); err != nil {
		slog.Error("users", "error", err)
		os.Exit(1)
	}
}
