package xds

import (
	"fmt"
	"log/slog"
	"net"
	"os"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/xds"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Server makes a server accept the connections and calls that the control plane configures for its
// address (gRFC A36): certificates and CAs, routes, and filters such as RBAC (gRFC A41). Where the
// control plane sends no certificates, the options of TLS apply, or plain text. The server listens
// on TCP.
//
// Until the control plane has sent the configuration, and while it is invalid or withdrawn, the
// server closes new connections. It logs each change at INFO or WARN, and probes on the address of
// server.WithHealthAddr see NOT_SERVING. A change of the configuration closes connections when their
// calls have finished.
//
// Calls that a filter rejects do not reach the pipeline: the server neither observes nor logs them.
func Server() server.Option {
	return server.WithOptions(server.WithWrappedCredentials(wrapServer), server.WithEngine(open))
}

func wrapServer(fallback credentials.TransportCredentials) (credentials.TransportCredentials, error) {
	return xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: fallback})
}

// open creates a server of grpc's package xds.
func open(config server.EngineConfig) (server.Engine, error) {
	if os.Getenv(fileEnv) == "" && os.Getenv(contentEnv) == "" {
		return nil, errNoBootstrap
	}
	m := mode{config}
	options := append(config.Options[:len(config.Options):len(config.Options)],
		xds.ServingModeCallback(m.change))
	config.SetReachable(false)
	engine, err := xds.NewGRPCServer(options...)
	if err != nil {
		return nil, fmt.Errorf("xds.Server: the bootstrap file of %s cannot be used: %w", fileEnv, err)
	}
	return engine, nil
}

// mode follows whether the server accepts connections.
type mode struct{ server.EngineConfig }

// change is called by grpc's xDS client, one change after another.
func (m mode) change(addr net.Addr, change xds.ServingModeChangeArgs) {
	serving := change.Mode == connectivity.ServingModeServing
	m.SetReachable(serving)
	if serving {
		m.Logger.Info("xDS: listener configured", slog.String("address", addr.String()))
		return
	}
	m.Logger.Warn("xDS: new connections are closed", slog.String("address", addr.String()),
		slog.Any("error", change.Err))
}
