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

// openEngine returns the engine of the options, or a *grpc.Server.
func (s *Server) openEngine() (Engine, error) {
	if open := s.pipeline.sole; open != nil {
		return open(s.Host())
	}
	options := grpcOptions(s.pipeline)
	if open := s.pipeline.engine; open != nil {
		return withoutPanic(func() (Engine, error) {
			return open(EngineConfig{options, s.pipeline.logger, s.health.setReachable})
		})
	}
	return newGRPCServer(options)
}

// listener returns lis for the engine, with the bounds of connections.
func (s *Server) listener(lis net.Listener) net.Listener {
	if s.pipeline.sole != nil {
		return lis // see [Host.Listen]
	}
	if s.pipeline.engine != nil {
		return s.pipeline.capacity.Pending(lis)
	}
	return s.pipeline.capacity.Listener(lis)
}
