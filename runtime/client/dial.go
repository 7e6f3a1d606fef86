package client

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Dial returns a connection for generated clients to target: "host:port", "dns:///host:port",
// "unix:///path", one of the following, or a scheme of [WithResolvers].
//   - "static:///a:8080,b:8080" lists servers.
//   - "file:///path" is a text file that lists servers, one per line: "host:port" or "unix:///path",
//     after it "zone=NAME" or "weight=NUMBER" for balancers, and comments from a # on. The
//     connection follows changes of the file; while it cannot be used, the servers known before
//     remain in use.
//
// Dial does not wait for the server: the first call connects. Calls to an unreachable server fail
// with UNAVAILABLE, or wait if they have [WaitForReady].
//
// By default the connection
//   - uses TLS 1.3 with the system's roots ([WithServerCAs], [WithTLSFiles], [WithMinTLSVersion],
//     [WithTLS], [WithInsecure]);
//   - distributes calls over all addresses that target resolves to ([WithBalancer]);
//   - applies the policies of the services passed with [WithServiceConfig];
//   - sends calls to every reachable server, healthy or not ([WithHealthChecks]);
//   - pings after [KeepaliveTime] of silence while calls are running, and closes after
//     [KeepaliveTimeout] without a response ([WithKeepalive]);
//   - connects to a lost server again after [ReconnectBackoff], doubled up to
//     [MaxReconnectBackoff] ([WithReconnectBackoff]);
//   - disconnects after [IdleTimeout] without calls, until the next call ([WithIdleTimeout]);
//   - accepts responses of up to [MaxRecvMsgSize] bytes, the maximum of package server.
//
// An error names the target or the option and the mistake.
func Dial(target string, opts ...Option) (*Conn, error) {
	c := new(settings)
	for _, opt := range opts {
		opt(c)
	}
	c.checkXDS(target)
	creds, err := c.transport(target)
	balancing := c.balancing()
	if isXDS(target) {
		c.connections = 0 // whatever policies say
	}
	if err := errors.Join(append(c.errs, err)...); err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	if creds, err = c.wrapCredentials(creds); err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	conn, err := grpc.NewClient(target,
		slices.Concat(c.defaults(creds, balancing), c.interceptors(), c.callCredentials(), c.grpc)...)
	if err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	if err := checkTarget(target, conn.CanonicalTarget()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot dial %q: %w", target, err), conn.Close())
	}
	return &Conn{ClientConn: conn, observers: c.observers}, nil
}

// defaults returns the runtime's own grpc options.
func (c *settings) defaults(
	creds credentials.TransportCredentials, balancing policy.Balancing,
) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(c.pooledCredentials(creds)),
		grpc.WithDefaultServiceConfig(c.pooled(c.serviceConfig(balancing, methodConfigOf)).String()),
		grpc.WithResolvers(c.allResolvers()...),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxRecvMsgSize)),
		c.keepaliveParams(),
		c.connectParams(),
		c.idleTimeout(),
	}
}
