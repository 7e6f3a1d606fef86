// Command production is the program of docs/production.md. A test compares it with the page.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/redislimit"
	"github.com/grpcservice/grpcservice/runtime/roles"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/validate"
)

func main() {
	if err := run(context.Background(), os.Getenv); err != nil {
		slog.Error("the server has stopped", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string) error {
	logger := slog.New(server.NewJSONHandler(os.Stderr, nil))
	issuer, err := jwtauth.New(jwtauth.WithIssuer(getenv("ISSUER")), jwtauth.WithAudience("library"))
	if err != nil {
		return err
	}
	permissions, err := roles.Open(getenv("CONFIG") + "/roles.yaml")
	if err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: getenv("REDIS")})
	defer rdb.Close()
	limits, err := redislimit.New(rdb, redislimit.WithReplicas(3))
	if err != nil {
		return err
	}
	srv := server.New(
		server.WithLogger(logger),
		server.WithTLSFiles(getenv("TLS")+"/tls.crt", getenv("TLS")+"/tls.key"),
		server.WithClientCAs(getenv("TLS")+"/ca.crt"),
		server.WithOptionalClientCertificates(),
		server.WithHealthAddr(getenv("HEALTH_ADDR")),
		server.WithAuthenticator(issuer, server.PeerCertificate()),
		server.WithAuthorizer(permissions),
		server.WithValidator(validate.New()),
		server.WithRateLimiter(limits),
		server.WithPolicyFile(getenv("CONFIG")+"/policy.json"),
		server.WithMaxCalls(2000),
	)
	srv.Background("keys of the issuer", issuer.Run)
	libraryv1service.RegisterBookService(srv, newBooks())
	return srv.Run(ctx, getenv("ADDR"))
}
