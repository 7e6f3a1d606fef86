// Package after is the service of package before with grpcservice. policy.yaml has what its
// interceptors did.
package after

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/examples/moving/library"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// New returns a server with the metrics. It recovers panics, logs calls, serves health and
// reflection, and stops in order. opts are further options.
func New(books libraryv1service.BookService, logger *slog.Logger, metrics *grpcprom.Metrics, opts ...server.Option) *server.Server {
	srv := server.New(
		server.WithLogger(logger),
		server.WithObservers(metrics.Server()),
		server.WithAuthenticator(server.AuthenticateFunc(authenticate)),
		server.WithReflection(),
		server.WithOptions(opts...),
	)
	libraryv1service.RegisterBookService(srv, books)
	return srv
}

// Service returns the implementation.
func Service(books *library.Library) libraryv1service.BookService { return &Books{Library: books} }

// authenticate knows two callers by their tokens. Which scopes a method requires is up to its
// policy.
func authenticate(ctx context.Context) (*runtime.Principal, error) {
	header := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(header) != 1 {
		return nil, nil // no credentials
	}
	switch scheme, token, _ := strings.Cut(header[0], " "); {
	case !strings.EqualFold(scheme, "bearer"):
		return nil, nil
	case token == "reader":
		return runtime.NewPrincipal("reader", "books.read"), nil
	case token == "stranger":
		return runtime.NewPrincipal("stranger"), nil
	}
	return nil, errors.New("the token is not valid")
}
