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

// Serve serves on lis, which it closes, until Stop or GracefulStop is called, and returns as
// [Server.Serve] does: nil after a shutdown that let every call end. Unlike that of grpc it serves one
// listener, and returns the errors of options and registrations.
func (g *GRPCServer) Serve(lis net.Listener) error {
	return g.Server.Serve(context.Background(), lis)
}

// GracefulStop accepts no more connections and calls, and returns when those that run have ended. It is
// [Server.Shutdown] without the drain delay: calls that have not ended within the time of
// [WithShutdownTimeout] are cancelled. Unlike that of grpc, it always returns.
func (g *GRPCServer) GracefulStop() {
	g.stop.Request(0)
	_ = g.Shutdown(context.Background()) // Serve returns its error
}

// Stop cancels all calls, closes the connections and returns when the methods have, or have had two
// seconds to. It cuts a GracefulStop short that is waiting.
func (g *GRPCServer) Stop() {
	g.stop.Request(0)
	g.stop.Force()
	_ = g.Shutdown(context.Background()) // Serve returns its error
}
