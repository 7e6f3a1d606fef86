package frameworks

import (
	"context"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1servicegogrpc"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serve is the program after. The methods are still those of before.
func serve(ctx context.Context, addr string, books libraryv1.BookServiceServer, opts ...server.Option) error {
	srv := server.New(opts...)
	libraryv1service.RegisterBookService(srv, libraryv1servicegogrpc.BookServiceFromServer(books))
	return srv.Run(ctx, addr)
}
