package server

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
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
// The goroutines of [WithStreamWorkers] start with [grpc.NewServer] and end with the server's Stop.
//
// Invalid options panic, as for On.
func GRPCOptions(opts ...Option) []grpc.ServerOption {
	config := newSettings(opts)
	if err := errors.Join(config.errs...); err != nil {
		panic(err)
	}
	if config.policyFile != nil {
		config.policyFile.onUse, config.policyFile.unknownOnly = true, true
	}
	return grpcOptions(newPipeline(config))
}

// grpcOptions returns the options of a server whose transport p counts and whose calls of unknown
// methods it serves.
func grpcOptions(p *pipeline) []grpc.ServerOption {
	c := p.settings
	opts := append(c.defaultServerOptions(), grpc.Creds(p.capacity.Credentials(c.creds)),
		grpc.UnknownServiceHandler(rejectUnknown), grpc.ChainStreamInterceptor(noteStream))
	if c.limits.Calls > 0 || c.limits.CallsPerPeer > 0 {
		opts = append(opts, grpc.InTapHandle(p.capacity.tapHandle))
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
			MaxConnectionAgeGrace: c.ageGrace,
			Time:                  KeepaliveTime,
			Timeout:               KeepaliveTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: MinPingInterval, PermitWithoutStream: true}),
		grpc.NumStreamWorkers(uint32(min(c.workers, math.MaxInt32))),
		grpc.WaitForHandlers(true), // Stop returns when the handlers have, so that nothing outlives the server
	}
}

// newGRPCServer returns the error that grpc panics with where options contradict each other.
func newGRPCServer(opts []grpc.ServerOption) (*grpc.Server, error) {
	return withoutPanic(func() (*grpc.Server, error) { return grpc.NewServer(opts...), nil })
}

func withoutPanic[E Engine](open func() (E, error)) (engine E, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("WithGRPCOptions: grpc does not accept the options: %v; the runtime itself sets grpc.InTapHandle, unless WithMaxCalls(0) and WithMaxCallsPerPeer(0) turn it off", value)
		}
	}()
	return open()
}
