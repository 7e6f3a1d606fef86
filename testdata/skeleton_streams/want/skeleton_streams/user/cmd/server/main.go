// Command server serves live.v1.LiveService until it gets SIGTERM or SIGINT.
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
//	TOKEN_KEYS                the keys of page tokens and positions, the same on all replicas: openssl rand -base64 32
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"example.com/skeleton_streams/internal/service"
	livev1 "example.com/skeleton_streams/live/v1"
	"example.com/skeleton_streams/live/v1/livev1service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
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
	if text := getenv("TOKEN_KEYS"); text != "" {
		keys, err := seal.ParseKeys(text)
		if err != nil {
			return fmt.Errorf("TOKEN_KEYS: %w", err)
		}
		options = append(options, server.WithTokenKeys(keys...))
	}
	options = append(options, telemetry(getenv, logger)...) // metrics, traces and an admin page: telemetry.go

	srv := server.New(options...)
	events := eventlog.New[livev1.Event](eventlog.NewMemory())   // TODO: Use a durable store that all replicas share.
	events2 := eventlog.New[livev1.Change](eventlog.NewMemory()) // TODO: Use a durable store that all replicas share.
	events3 := eventlog.New[livev1.Line](eventlog.NewMemory())   // TODO: Use a durable store that all replicas share.
	rooms := hub.New[livev1.Message]()                           // TODO: Connect the hub with those of other replicas: hub.WithBus.
	rooms2 := hub.New[livev1.Edited]()                           // TODO: Connect the hub with those of other replicas: hub.WithBus.
	srv.AddSources(events, events2, events3, rooms, rooms2)      // of metrics

	livev1service.RegisterLiveService(srv, service.NewLiveService(events, events2, events3, rooms, rooms2))

	return srv.Run(ctx, cmp.Or(getenv("ADDR"), ":8080")) // on SIGTERM: report NOT_SERVING, drain, stop
}
