package frameworks

import (
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// newServer is the program before.
func newServer(c zrpc.RpcServerConf, books libraryv1.BookServiceServer) (*zrpc.RpcServer, error) {
	return zrpc.NewServer(c, func(own *grpc.Server) {
		libraryv1.RegisterBookServiceServer(own, books)
	})
}

// newMixedServer has this runtime on the server of zrpc.
func newMixedServer(c zrpc.RpcServerConf, books libraryv1.BookServiceServer) (*zrpc.RpcServer, error) {
	return zrpc.NewServer(c, func(own *grpc.Server) {
		ours := server.On(own, server.Compatible())
		libraryv1.RegisterBookServiceServer(ours, books)
	})
}
