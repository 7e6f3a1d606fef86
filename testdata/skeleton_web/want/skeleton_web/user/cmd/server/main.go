// Command server serves bistro.v1.Bistro until it gets SIGTERM or SIGINT.
//
// The environment configures it:
//
//	ADDR                      the TCP address to listen on; default :8080
//	WEB_ADDR                  the TCP address for HTTP: Connect, gRPC-Web and JSON; default none
//	LOG_LEVEL                 DEBUG, INFO, WARN or ERROR; default INFO
//	DRAIN_DELAY               how long it accepts new calls after SIGTERM; default 5s
//	SHUTDOWN_TIMEOUT          how long running calls may take after that; default 20s
//	MAX_CONNECTION_AGE        the age at which clients reconnect and find new replicas; default 30m
//	MAX_CONNECTION_AGE_GRACE  how long calls on their old connections may continue; default 5m
//	TLS                       the directory of tls.crt and tls.key; default none, for plain text
//	CLIENT_CAS                the PEM file of the CAs of clients, for mutual TLS; default none
//	HEALTH_ADDR               the TCP address for probes, which do not use TLS; default none
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"example.com/skeleton_web/bistro/v1/bistrov1service"
	"example.com/skeleton_web/internal/service"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
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
		// Callers are not authenticated. With server.WithAuthenticator, the policies of methods authorize them.

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
	if dir := getenv("TLS"); dir != "" { // unset behind a mesh that encrypts
		options = append(options, server.WithTLSFiles(dir+"/tls.crt", dir+"/tls.key"))
	}
	if cas := getenv("CLIENT_CAS"); cas != "" { // mutual TLS
		options = append(options, server.WithClientCAs(cas))
	}
	if addr := getenv("HEALTH_ADDR"); addr != "" { // for probes, which do not use TLS
		options = append(options, server.WithHealthAddr(addr))
	}
	if addr := getenv("WEB_ADDR"); addr != "" { // Connect, gRPC-Web and JSON
		options = append(options, web.Serve(addr))
	}
	options = append(options, telemetry(getenv, logger)...) // metrics, traces and an admin page: telemetry.go

	srv := server.New(options...)

	bistrov1service.RegisterBistro(srv, service.NewBistro())

	return srv.Run(ctx, cmp.Or(getenv("ADDR"), ":8080")) // on SIGTERM: report NOT_SERVING, drain, stop
}
