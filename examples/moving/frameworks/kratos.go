package frameworks

import (
	"time"

	"github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/middleware/logging"
	"github.com/go-kratos/kratos/v2/middleware/recovery"
	kratosgrpc "github.com/go-kratos/kratos/v2/transport/grpc"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// newApp is the program before.
func newApp(addr string, books libraryv1.BookServiceServer) *kratos.App {
	srv := kratosgrpc.NewServer(
		kratosgrpc.Address(addr),
		kratosgrpc.Timeout(2*time.Second),
		kratosgrpc.Middleware(recovery.Recovery(), logging.Server(log.GetLogger())),
	)
	libraryv1.RegisterBookServiceServer(srv, books)
	return kratos.New(kratos.Name("library"), kratos.Server(srv))
}

// newMixedApp has this runtime on the server of kratos.
func newMixedApp(addr string, books libraryv1.BookServiceServer) *kratos.App {
	srv := kratosgrpc.NewServer(
		kratosgrpc.Address(addr),
		kratosgrpc.Timeout(2*time.Second),
		kratosgrpc.Middleware(recovery.Recovery(), logging.Server(log.GetLogger())),
	)
	ours := server.On(srv.Server, server.Compatible())
	libraryv1.RegisterBookServiceServer(ours, books)
	return kratos.New(kratos.Name("library"), kratos.Server(srv))
}
