package server

import (
	"log/slog"
	"net"

	"google.golang.org/grpc"
)

// Engine is what a [Server] uses of a *grpc.Server: it accepts connections and runs their calls.
// Another engine may wrap one, as that of xDS does.
type Engine interface {
	grpc.ServiceRegistrar
	// Serve accepts connections of lis until GracefulStop or Stop is called, or lis fails.
	Serve(lis net.Listener) error
	// GracefulStop returns when the calls that are running have finished. Stop cuts it short.
	GracefulStop()
	// Stop cancels all calls and closes the connections. It may be called several times.
	Stop()
}

// EngineConfig is what a [Server] passes to its engine.
type EngineConfig struct {
	// Options are those of a *grpc.Server.
	Options []grpc.ServerOption
	// Logger is the server's.
	Logger *slog.Logger
	// SetReachable tells the server whether clients can connect; at first they can. While they
	// cannot, probes on the address of [WithHealthAddr] see every service as NOT_SERVING.
	SetReachable func(reachable bool)
}

// WithEngine makes open create what accepts connections, instead of [grpc.NewServer]. It is called
// when the server starts; [Server.Run] returns its error. Package xds has such an engine.
//
// [On] panics, because its target is there already.
func WithEngine(open func(EngineConfig) (Engine, error)) Option {
	return func(c *settings) {
		if open == nil {
			c.fail("WithEngine(nil): pass a function, or omit the option")
			return
		}
		if c.engine != nil || c.sole != nil {
			c.fail("WithEngine: a server has one engine, or a front on the address of Run; pass one")
		}
		c.engine = open
	}
}
