package main

import (
	"log/slog"
	"path/filepath"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The environment variables of what a production server has and the example can do without.
const (
	issuerVariable   = "SHOP_ISSUER"   // URL of the identity provider
	rolesVariable    = "SHOP_ROLES"    // file with the roles of callers, instead of the example's
	caVariable       = "SHOP_CA"       // file with the CA of the provider's certificate
	tlsVariable      = "SHOP_TLS"      // directory with tls.crt and tls.key
	healthVariable   = "SHOP_HEALTH"   // address of the health service without TLS
	redisVariable    = "SHOP_REDIS"    // address of a Redis server for rates of all replicas
	replicasVariable = "SHOP_REPLICAS" // how many replicas share it
)

// security returns the options by which the server knows its callers, and protects itself from
// them. The function frees what they use.
func security(getenv func(string) string) (opts []server.Option, closeAll func(), err error) {
	authenticator, err := auth.Provider{Issuer: getenv(issuerVariable), CAFile: getenv(caVariable)}.Authenticator()
	if err != nil {
		return nil, nil, err
	}
	if getenv(issuerVariable) == "" {
		slog.Warn("callers sign their own tokens with the key of the example, which everybody knows", "set", issuerVariable)
	}
	roles, err := auth.Roles(getenv(rolesVariable))
	if err != nil {
		return nil, nil, err
	}
	opts = append(opts, server.WithAuthenticator(authenticator), server.WithAuthorizer(roles))
	if dir := getenv(tlsVariable); dir != "" {
		opts = append(opts, server.WithTLSFiles(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")))
	} else {
		slog.Warn("connections are not encrypted", "set", tlsVariable)
	}
	if addr := getenv(healthVariable); addr != "" {
		opts = append(opts, server.WithHealthAddr(addr))
	}
	limit, closeAll, err := sharedRates(getenv)
	if err != nil {
		return nil, nil, err
	}
	return append(opts, limit...), closeAll, nil
}
