package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
)

// Bounds of the address of [WithHealthAddr].
const (
	maxProbes           = 100
	maxProbeConnections = 100
	maxProbeSize        = 4 << 10
	maxProbeHeaders     = 8 << 10
	// probeGrace is how long the last probes may take when the server stops.
	probeGrace = 100 * time.Millisecond
)

// WithHealthAddr serves the health service, and nothing else, in plain text on another address,
// such as ":8081": for the gRPC probes of Kubernetes, which do not use TLS. It takes the addresses
// of [Server.Run].
//
// The address works from the start of [Server.Serve] until everything else has stopped, so that
// probes see NOT_SERVING during a shutdown. Its calls are not authenticated and do not count for
// the bounds of the server. It serves 100 calls on 100 connections at a time. Every service is
// NOT_SERVING while no client can connect because the certificate has expired; see [HealthTLS].
//
// If the server cannot listen on the address, [Server.Serve] returns an error. [On] panics, because
// it serves no address.
func WithHealthAddr(addr string) Option {
	return func(c *settings) {
		if _, _, err := network.Of(addr); err != nil {
			c.fail("WithHealthAddr(%q): %w", addr, err)
		}
		c.healthAddr = addr
	}
}

// openProbes listens on the address of [WithHealthAddr]. It returns nil without one. The server is
// locked.
func (s *Server) openProbes(ctx context.Context) (*probes, error) {
	addr := s.pipeline.healthAddr
	if addr == "" {
		return nil, nil
	}
	p := newPipeline(s.pipeline.probeSettings())
	server, err := newGRPCServer(grpcOptions(p))
	if err != nil {
		return nil, err
	}
	desc, impl := s.probedService(p)
	server.RegisterService(desc, impl)
	lis, err := network.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("cannot serve health: %w", err)
	}
	return &probes{p, server, lis}, nil
}

// probeSettings returns the settings of the server for probes: its logs and observers, without what
// protects other services.
func (c *settings) probeSettings() *settings {
	own := *c
	own.creds, own.tls = nil, tlsSettings{}
	own.authenticator, own.admitAll, own.validator, own.idempotency = nil, true, nil, nil
	own.limits = bounds.Limits{Calls: maxProbes, Connections: maxProbeConnections}
	own.forwarding, own.framing = nil, nil // probes do not come through the proxies
	own.unary, own.stream, own.overrides = nil, nil, overrides.New()
	own.policyFile = nil // it changes the policies of one pipeline
	own.grpcDefaults, own.workers = false, 0
	own.grpc = []grpc.ServerOption{grpc.MaxConcurrentStreams(maxProbes),
		grpc.MaxRecvMsgSize(maxProbeSize), grpc.MaxHeaderListSize(maxProbeHeaders)}
	return &own
}

// probedService returns the health service, bound to p: that of the server, or of the user.
func (s *Server) probedService(p *pipeline) (*grpc.ServiceDesc, any) {
	for _, r := range s.services {
		if r.desc.ServiceName != healthServiceName || r.impl == s.health.onServer() {
			continue
		}
		if r.foreign == nil {
			return r.desc, r.impl
		}
		desc, _ := p.foreignDesc(r.foreign, r.impl) // the errors are those of its registration
		return desc, r.impl
	}
	own := healthServer{s.health, true}
	return describe[healthService](p, healthTable, own), own
}

// serve serves until stop, and passes the error if it cannot.
func (p *probes) serve(failed func(error)) {
	if p == nil {
		return
	}
	go func() {
		if err := p.server.Serve(p.pipeline.capacity.Listener(p.lis)); err != nil {
			failed(fmt.Errorf("cannot accept connections for health: %w", err))
		}
	}()
}

// discard closes the address of a server that does not serve.
func (p *probes) discard() error {
	if p == nil {
		return nil
	}
	return p.lis.Close()
}

// stop closes the address.
func (p *probes) stop() {
	if p == nil {
		return
	}
	p.pipeline.drain.start()
	p.pipeline.drain.expire()
	p.pipeline.capacity.CloseHandshakes()
	stopped := inBackground(p.server.Stop)
	select {
	case <-stopped:
	case <-time.After(probeGrace): // a health service of the user hangs
	}
}
