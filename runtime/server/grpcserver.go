package server

import (
	"context"
	"net"
)

// GRPCServer is a [Server] with the methods of a *grpc.Server, for code that starts and stops one:
//
//	srv := server.New(server.Compatible()).GRPC()
//	librarypb.RegisterBookServiceServer(srv, books)
//	go srv.Serve(lis)
//	...
//	srv.GracefulStop()
type GRPCServer struct{ *Server }

// GRPC returns s with the methods of a *grpc.Server.
func (s *Server) GRPC() *GRPCServer { return &GRPCServer{s} }

// Serve serves on lis, which it closes, until Stop or GracefulStop is called. It returns what
// [Server.Serve] returns: nil if every call finished. Unlike grpc's, it serves one listener, and
// returns the errors of options and registrations.
func (g *GRPCServer) Serve(lis net.Listener) error {
	return g.Server.Serve(context.Background(), lis)
}

// GracefulStop stops accepting connections and calls, and returns when running calls have
// finished. It is [Server.Shutdown] without the drain delay: calls that exceed
// [WithShutdownTimeout] are canceled. Unlike grpc's, it always returns.
func (g *GRPCServer) GracefulStop() {
	g.stop.Request(0)
	_ = g.Shutdown(context.Background()) // Serve returns its error
}

// Stop cancels all calls, closes the connections, and returns when the methods have returned, or
// after two seconds. It cuts a waiting GracefulStop short.
func (g *GRPCServer) Stop() {
	g.stop.Request(0)
	g.stop.Force()
	_ = g.Shutdown(context.Background()) // Serve returns its error
}
