// Command server serves library.v1.BookService and library.v1.IndexService until it gets SIGTERM or
// SIGINT.
//
// The environment configures it:
//
//	ADDR                      the TCP address to listen on; default :8080
//	LOG_LEVEL                 DEBUG, INFO, WARN or ERROR; default INFO
//	DRAIN_DELAY               how long it accepts new calls after SIGTERM; default 5s
//	SHUTDOWN_TIMEOUT          how long running calls may take after that; default 20s
//	MAX_CONNECTION_AGE        the age at which clients reconnect and find new replicas; default 30m
//	MAX_CONNECTION_AGE_GRACE  how long calls on their old connections may continue; default 5m
//	TLS                       the directory of tls.crt and tls.key; default none, for plain text
//	CLIENT_CAS                the PEM file of the CAs of clients, for mutual TLS; default none
//	HEALTH_ADDR               the TCP address for probes, which do not use TLS; default none
//	WITHOUT_AUTHENTICATION    true lets every caller call every method, for trials; default false
//	TOKEN_KEYS                the keys of page tokens and positions, the same on all replicas: openssl rand -base64 32
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

// run serves until ctx is done or the process gets SIGTERM or SIGINT.
func run(ctx context.Context, getenv func(string) string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(getenv("LOG_LEVEL"), "INFO"))); err != nil {
		return fmt.Errorf("LOG_LEVEL: %w", err)
	}
	logger := slog.New(server.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
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
	connectionGrace, err := time.ParseDuration(cmp.Or(getenv("MAX_CONNECTION_AGE_GRACE"), "5m"))
	if err != nil {
		return fmt.Errorf("MAX_CONNECTION_AGE_GRACE: %w", err)
	}

	options := []server.Option{
		server.WithLogger(logger),
		server.WithDrainDelay(drainDelay),
		server.WithShutdownTimeout(shutdownTimeout),
		server.WithMaxConnectionAge(connectionAge),
		server.WithMaxConnectionAgeGrace(connectionGrace),
		// TODO: Authenticate callers with server.WithAuthenticator. Some policies require it, and without it
		// the server does not start.
		// A retried call with the same idempotency key gets the response of the first.
		// TODO: Use a store that all replicas share.
		server.WithIdempotency(idempotency.New(idempotency.Memory())),

		// A server that callers outside its network can reach needs more. docs/production.md of
		// grpcservice has the whole program.
		//	server.WithAuthenticator(issuer, server.PeerCertificate()),
		//	server.WithAuthorizer(permissions),
		//	server.WithValidator(validate.New()),
		//	server.WithRateLimiter(limits),
		//	server.WithPolicyFile(getenv("CONFIG")+"/policy.json"),
		//	server.WithMaxCalls(2000),

		// server.WithReflection() lets grpcurl list and describe the services; omit it on a public server.
	}
	if getenv("WITHOUT_AUTHENTICATION") == "true" {
		options = append(options, server.WithoutAuthentication())
	}
	if dir := getenv("TLS"); dir != "" { // unset behind a mesh that encrypts
		options = append(options, server.WithTLSFiles(dir+"/tls.crt", dir+"/tls.key"))
	}
	if cas := getenv("CLIENT_CAS"); cas != "" { // mutual TLS
		options = append(options, server.WithClientCAs(cas))
	}
	if addr := getenv("HEALTH_ADDR"); addr != "" { // for probes, which do not use TLS
		options = append(options, server.WithHealthAddr(addr))
	}
	if text := getenv("TOKEN_KEYS"); text != "" {
		keys, err := seal.ParseKeys(text)
		if err != nil {
			return fmt.Errorf("TOKEN_KEYS: %w", err)
		}
		options = append(options, server.WithTokenKeys(keys...))
	}
	options = append(options, telemetry(getenv, logger)...) // metrics, traces and an admin page: telemetry.go

	srv := server.New(options...)
	operations := operation.NewManager(operation.Memory()) // TODO: Use a durable store that all replicas share.
	operation.Register(srv, operations)

	libraryv1service.RegisterBookService(srv, service.NewBookService())
	libraryv1service.RegisterIndexService(srv, service.NewIndexService(operations))

	return srv.Run(ctx, cmp.Or(getenv("ADDR"), ":8080")) // on SIGTERM: report NOT_SERVING, drain, stop
}
