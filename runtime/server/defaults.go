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
	// MaxConcurrentStreams is how many calls a connection may have open, the limit of x/net's
	// HTTP/2 server. grpc's default of 4 billion permits the rapid-reset attack (CVE-2023-44487).
	MaxConcurrentStreams = 250
	// MaxRecvMsgSize is the size of the largest request, in bytes after decompression: grpc's
	// default.
	MaxRecvMsgSize = 4 << 20
	// MaxSendMsgSize is the size of the largest response, in bytes. grpc's default is 2 GiB, which
	// no client accepts.
	MaxSendMsgSize = 16 << 20
	// MaxHeaderListSize is the most metadata of a call, in bytes; grpc's default is 16 MiB.
	// Clients learn the limit when they connect and fail calls with more. The connection of a
	// client that ignores it is closed with all its calls; the limit is well above what such
	// clients send (those of Node.js send up to 64 KiB).
	MaxHeaderListSize = 1 << 20
	// ConnectionTimeout is how long a handshake may take; grpc's default is two minutes.
	ConnectionTimeout = 20 * time.Second
	// MaxConnectionIdle is how long a connection without calls is kept.
	MaxConnectionIdle = 15 * time.Minute
	// MaxConnectionAge is the age, ± 10%, at which the server asks clients to reconnect, so that
	// they spread over added servers (gRFC A9). [WithMaxConnectionAge] sets another.
	MaxConnectionAge = 30 * time.Minute
	// MaxConnectionAgeGrace is how long the calls of an aged connection may continue. Longer
	// streams are cut and reconnect.
	MaxConnectionAgeGrace = 5 * time.Minute
	// KeepaliveTime is how long a connection may be silent before the server pings: less than the
	// idle timeouts of NATs and load balancers.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long the server waits for the answer to its ping.
	KeepaliveTimeout = 20 * time.Second
	// MinPingInterval is the shortest interval at which a client may ping, with or without calls.
	// The connection of a client that pings more often is closed. grpc's default is five minutes,
	// although its own clients may ping every ten seconds; half of that tolerates late pings.
	MinPingInterval = 5 * time.Second
)

// GRPCOptions returns the options that a [Server] passes to grpc: limits, credentials, and what
// bounds calls and connections. Pass them to [grpc.NewServer] if you need your own server, and the
// same options to [On]:
//
//	own := grpc.NewServer(server.GRPCOptions(opts...)...)
//	ours := server.On(own, opts...)
//
// Calls of unknown methods then run through the pipeline too, and are rejected if there is an
// authenticator. Without GRPCOptions they reach the handler of [grpc.UnknownServiceHandler]
// unauthenticated, because On sees only services that are registered through it.
//
// Invalid options panic, as for On.
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
