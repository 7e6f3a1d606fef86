package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// newPipeline returns the pipeline that the options describe.
func newPipeline(c *settings) *pipeline {
	p := &pipeline{
		settings: c, drain: newDrain(), build: sync.OnceValue(buildLabels),
		shields: shieldsOf(c.observers), logShield: newShield("access log"),
	}
	if c.policyFile != nil {
		c.policyFile.pipeline = p
	}
	p.capacity = newCapacity(c, p.noteUnhandled)
	return p
}

// noteUnhandled observes and logs a call that grpc has answered by itself. Its caller has the
// answer.
func (p *pipeline) noteUnhandled(a *bounds.Arrival) {
	var err error = errUnhandled
	if errors.Is(context.Cause(a), context.DeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	p.noteRejected(a, err)
}

// noteRejected observes and logs a call that the transport has answered with err.
func (p *pipeline) noteRejected(a *bounds.Arrival, err error) {
	m := p.methodAt(a.Method)
	c := m.begin(a, false)
	if err != context.DeadlineExceeded && m != p.unknown {
		c.step.Store(&decodeStep)
	}
	defer m.finish(c, &err)
	m.observe(c)
}

// errUnhandled is the error in the log of a call that grpc has answered by itself.
var errUnhandled = rpcerr.Hide(
	rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the encoding of the request is not supported, or its path is malformed").Fixed(),
	"grpc rejected the call before the pipeline: the encoding of the request is not supported, its path is malformed, or a grpc.StreamInterceptor rejected it",
)

// methodAt returns the method with a path, or the unknown one.
func (p *pipeline) methodAt(path string) *method {
	unknown := p.unknownMethod()
	p.mu.Lock()
	defer p.mu.Unlock()
	if m, ok := p.byName[path]; ok {
		return m
	}
	return unknown
}

func newSettings(opts []Option) *settings {
	c := &settings{
		logger:          slog.Default(),
		timeout:         DefaultTimeout,
		drainDelay:      DefaultDrainDelay,
		shutdownTimeout: DefaultShutdownTimeout,
		sendTimeout:     DefaultSendTimeout,
		connectionAge:   MaxConnectionAge,
		ageGrace:        MaxConnectionAgeGrace,
		workers:         StreamWorkers,
		limiter:         localLimiter{},
		limits: bounds.Limits{
			Calls: DefaultMaxCalls, CallsPerPeer: DefaultMaxCallsPerPeer,
			Connections: DefaultMaxConnections, ConnectionsPerPeer: DefaultMaxConnectionsPerPeer,
		},
		overrides:   overrides.New(),
		compression: compressor{CompressAsked, CompressionThreshold},
	}
	for _, opt := range opts {
		opt(c)
	}
	c.openTLS()
	c.wrapCredentials()
	if c.policyFile != nil {
		c.policyFile.open(c)
	}
	return c
}
