// Package after is the service of package before with grpcservice, for the same clients, and for
// those of gRPC on the same port.
package after

import (
	"log/slog"

	"github.com/grpcservice/grpcservice/examples/moving/library"
	service "github.com/grpcservice/grpcservice/examples/moving/middleware/after"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// New returns a server that serves Connect, gRPC-Web and gRPC on the address of its Run. opts are
// further options.
func New(books *library.Library, logger *slog.Logger, opts ...server.Option) *server.Server {
	return service.New(service.Service(books), logger, grpcprom.New(), append(opts, web.ServeAlone())...)
}
