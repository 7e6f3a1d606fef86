// Package auth authenticates the callers of the shop: the server checks tokens, and a client sends
// one.
//
// The tokens are constants because this is an example. A real service asks an identity provider or
// verifies the signature of a token, and returns the same principal.
package auth

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The tokens of the authorized callers.
const (
	Clerk    = "clerk-token"    // may call every method
	Customer = "customer-token" // places orders
	Guest    = "guest-token"    // reads users
	Sensor   = "sensor-token"   // sends metrics
)

const (
	header = "authorization"
	scheme = "Bearer "
)

// Authenticator authenticates callers by the token in the metadata. Principals are created once and
// shared by calls.
func Authenticator() server.AuthenticateFunc {
	principals := map[string]*runtime.Principal{
		Clerk:    runtime.NewPrincipal("clerk", "users.write", "orders.write", "jobs.write", "metrics.write", "products.write", "events.read", "logs.read"),
		Customer: runtime.NewPrincipal("customer", "orders.write"),
		Guest:    runtime.NewPrincipal("guest", "users.read"),
		Sensor:   runtime.NewPrincipal("sensor", "metrics.write"),
	}
	return func(ctx context.Context) (*runtime.Principal, error) {
		values := metadata.ValueFromIncomingContext(ctx, header)
		if len(values) == 0 {
			return nil, nil // an unauthenticated caller; public methods accept it
		}
		token, _ := strings.CutPrefix(values[0], scheme)
		principal, ok := principals[token]
		if !ok {
			// For the log, which must not contain the token.
			return nil, errors.New("nobody has this token")
		}
		return principal, nil
	}
}

// As returns a context whose calls send token.
func As(ctx context.Context, token string) context.Context {
	return client.WithCallOptions(ctx, grpc.PerRPCCredentials(bearer(token)))
}

// bearer is a token that gRPC sends with each call.
type bearer string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{header: scheme + string(b)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. In your own service it returns
// true.
func (b bearer) RequireTransportSecurity() bool { return false }
