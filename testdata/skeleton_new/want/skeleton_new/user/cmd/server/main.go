// Command server serves library.v1.BookService and library.v1.IndexService until it gets SIGTERM or SIGINT.
//
// The environment says how:
//
//	ADDR              the TCP address to serve at; :8080 is the default
//	LOG_LEVEL         DEBUG, INFO, WARN or ERROR; INFO is the default
//	DRAIN_DELAY       how long it goes on taking calls after SIGTERM; 5s is the default
//	SHUTDOWN_TIMEOUT  how long calls may take to end after that; 20s is the default
//	MAX_CONNECTION_AGE  when a connection is asked to go, so that clients find new servers; 30m is the default
//	WITHOUT_AUTHENTICATION  true lets everybody call everything, to try it out; nobody may is the default
//	TOKEN_KEYS        the keys of page tokens, the same for all replicas: openssl rand -base64 32
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"example.com/library/internal/service"
	"example.com/skeleton_new/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func main() {
	if err := run(context.Background(), os.Getenv); err != nil {
		slog.Error("the server has stopped", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or a signal comes.
func run(ctx context.Context, getenv func(string) string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(getenv("LOG_LEVEL"), "INFO"))); err != nil {
		return fmt.Errorf("LOG_LEVEL: %w", err)
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(logger)
	drainDelay, err := time.ParseDuration(cmp.Or(getenv("DRAIN_DELAY"), "5s"))
	if err != nil {
		return fmt.Errorf("DRAIN_DELAY: %w", err)
	}
	shutdownTimeout, err := time.ParseDuration(cmp.Or(getenv("SHUTDOWN_TIMEOUT"), "20s"))
	if err != nil {
		return fmt.Errorf("SHUTDOWN_TIMEOUT: %w", err)
	}
	connectionAge, err := time.ParseDuration(cmp.Or(getenv("MAX_CONNECTION_AGE"), "30m"))
	if err != nil {
		return fmt.Errorf("MAX_CONNECTION_AGE: %w", err)
	}

	options := []server.Option{
		server.WithLogger(logger),
		server.WithDrainDelay(drainDelay),
		server.WithShutdownTimeout(shutdownTimeout),
		server.WithMaxConnectionAge(connectionAge),
		// TODO: Say who calls, with server.WithAuthenticator: some methods ask it, and the server does not start without.
		// A call that is made again under its idempotency key gets the answer of the first. TODO: With replicas, use a store that they share.
		server.WithIdempotency(idempotency.New(idempotency.Memory())),
		// server.WithTLSFiles("server.crt", "server.key") serves TLS; leave it out behind a mesh that does.
		// server.WithReflection() lets grpcurl list and describe the services; leave it out where the world can connect.
	}
	if getenv("WITHOUT_AUTHENTICATION") == "true" {
		options = append(options, server.WithoutAuthentication())
	}
	if text := getenv("TOKEN_KEYS"); text != "" {
		keys, err := seal.ParseKeys(text)
		if err != nil {
			return fmt.Errorf("TOKEN_KEYS: %w", err)
		}
		options = append(options, server.WithTokenKeys(keys...))
	}
	srv := server.New(options...)
	operations := operation.NewManager(operation.Memory()) // TODO: Use a store that replicas share, and that outlives them.
	operation.Register(srv, operations)

	libraryv1service.RegisterBookService(srv, service.NewBookService())
	libraryv1service.RegisterIndexService(srv, service.NewIndexService(operations))

	return srv.Run(ctx, cmp.Or(getenv("ADDR"), ":8080")) // SIGTERM: not serving, drain, stop
}
