package server

import (
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// What a server grants its callers, where grpc's own defaults are without limit or do not fit our client's. Options of
// [WithGRPCOptions] override each.
const (
	// MaxConcurrentStreams is how many calls one connection may have open: what x/net's HTTP/2 server grants. grpc's
	// default of 4 billion is what the rapid-reset attack (CVE-2023-44487) lived on.
	MaxConcurrentStreams = 250
	// MaxRecvMsgSize is the largest request, in bytes after decompression: grpc's default, named here to be seen.
	MaxRecvMsgSize = 4 << 20
	// MaxSendMsgSize is the largest response, in bytes; grpc's default is 2 GiB, which no client takes.
	MaxSendMsgSize = 16 << 20
	// MaxHeaderListSize is the most metadata that a call may carry, in bytes; grpc's default is 16 MiB. Clients
	// learn it when they connect and fail calls with more. Of a client that sends more nevertheless, the
	// connection is closed, with all its calls: it is well above what clients send that do not look, such
	// as those of Node.js, which send up to 64 KiB after compression.
	MaxHeaderListSize = 1 << 20
	// ConnectionTimeout is how long a handshake may take; grpc's default is two minutes.
	ConnectionTimeout = 20 * time.Second
	// MaxConnectionIdle is how long a connection without calls is kept.
	MaxConnectionIdle = 15 * time.Minute
	// MaxConnectionAge is when a connection is asked to go, give or take 10%, so that clients spread again over servers
	// that were added (gRFC A9). [WithMaxConnectionAge] sets another.
	MaxConnectionAge = 30 * time.Minute
	// MaxConnectionAgeGrace is how long the calls of an aged connection may go on; longer streams are cut and reconnect.
	MaxConnectionAgeGrace = 5 * time.Minute
	// KeepaliveTime is how long a connection may be silent before the server pings: less than the idle time-outs of
	// NATs and load balancers.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long either side waits for the answer to its ping.
	KeepaliveTimeout = 20 * time.Second
	// MinPingInterval is how often a client may ping, with or without a call. The connection of a client that
	// pings more often is closed. grpc's default is five minutes, although its own clients ping every ten
	// seconds where they are told to; half of that leaves room for pings that are late.
	MinPingInterval = 5 * time.Second
)

// GRPCOptions returns the options that a [Server] passes to grpc: its limits, its credentials, and what
// lets it bound calls and connections. Pass them to [grpc.NewServer] where you need a server of your
// own, and the same options to [On]:
//
//	server := grpc.NewServer(server.GRPCOptions(opts...)...)
//	ours := server.On(server, opts...)
//
// Calls of methods that no service has go through the pipeline too, and are rejected if there is an
// authenticator. Without GRPCOptions, such calls reach the handler of [grpc.UnknownServiceHandler]
// unauthenticated, since On sees only the services that are registered through it.
//
// Wrong options panic, as those of On do.
func GRPCOptions(opts ...Option) []grpc.ServerOption {
	config := newSettings(opts)
	if err := errors.Join(config.errs...); err != nil {
		panic(err)
	}
	return grpcOptions(newPipeline(config))
}

// grpcOptions returns the options of a server whose transport p counts and whose calls of unknown methods
// it serves.
func grpcOptions(p *pipeline) []grpc.ServerOption {
	c := p.settings
	opts := append(c.defaultServerOptions(), grpc.Creds(p.admission.Credentials(c.creds)),
		grpc.UnknownServiceHandler(rejectUnknown), grpc.ChainStreamInterceptor(noteStream))
	if c.limits.Calls > 0 || c.limits.CallsPerPeer > 0 {
		opts = append(opts, grpc.InTapHandle(p.admission.tapHandle))
	}
	return append(append(opts, c.grpc...), grpc.ChainStreamInterceptor(p.guardUnknown()))
}

// defaultServerOptions returns the grpc options of every [Server].
func (c *settings) defaultServerOptions() []grpc.ServerOption {
	if c.grpcDefaults {
		return []grpc.ServerOption{grpc.WaitForHandlers(true)}
	}
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(MaxConcurrentStreams),
		grpc.MaxRecvMsgSize(MaxRecvMsgSize),
		grpc.MaxSendMsgSize(MaxSendMsgSize),
		grpc.MaxHeaderListSize(MaxHeaderListSize),
		grpc.ConnectionTimeout(ConnectionTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     MaxConnectionIdle,
			MaxConnectionAge:      c.connectionAge,
			MaxConnectionAgeGrace: MaxConnectionAgeGrace,
			Time:                  KeepaliveTime,
			Timeout:               KeepaliveTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: MinPingInterval, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true), // Stop returns when the handlers have, so that nothing outlives the server
	}
}
