package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Dial returns a connection for generated clients to target: "host:port", "dns:///host:port",
// "unix:///path", or a scheme of [WithResolvers]. It does not wait for the server: the
// first call connects. Calls to an unreachable server fail with UNAVAILABLE.
//
// By default the connection
//   - uses TLS 1.3 with the system's roots ([WithServerCAs], [WithTLSFiles], [WithMinTLSVersion],
//     [WithTLS], [WithInsecure]);
//   - distributes calls over all addresses that target resolves to ([WithBalancer]);
//   - applies the policies of the services passed with [WithServiceConfig];
//   - sends calls to every reachable server, healthy or not ([WithHealthChecks]);
//   - pings after [KeepaliveTime] of silence while calls are running, and closes after
//     [KeepaliveTimeout];
//   - accepts responses of up to [MaxRecvMsgSize] bytes, the maximum of package server.
//
// An error names the target or the option and the mistake.
func Dial(target string, opts ...Option) (*Conn, error) {
	c := new(settings)
	for _, opt := range opts {
		opt(c)
	}
	creds, err := c.transport(target)
	balancing := c.balancing()
	if err := errors.Join(append(c.errs, err)...); err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	defaults := append(c.defaults(creds, balancing), c.callCredentials()...)
	conn, err := grpc.NewClient(target, append(defaults, c.grpc...)...)
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
		grpc.WithResolvers(c.resolvers...),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxRecvMsgSize)),
		// No pings without calls: they would keep devices awake, and third-party servers reject
		// them.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: KeepaliveTime, Timeout: KeepaliveTimeout}),
	}
}

// isUnix reports whether a target is a Unix socket.
func isUnix(target string) bool {
	return strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:")
}

// checkTarget finds mistakes that grpc would report only as UNAVAILABLE when a call is made.
// canonical is grpc's reading of target: it takes a target with an unknown scheme for a host
// name.
func checkTarget(target, canonical string) error {
	if scheme, _, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(canonical, strings.ToLower(scheme)+":") {
		return fmt.Errorf(`no resolver is registered for the scheme %q; write "host:port" without a scheme, or "dns:///host:port"`, scheme)
	}
	if isUnix(target) {
		_, _, err := network.Of(target)
		return err
	}
	u, err := url.Parse(canonical)
	if err != nil || u.Scheme != "dns" {
		return err
	}
	return checkHost(strings.TrimPrefix(u.Path+u.Opaque, "/"))
}

// checkHost accepts what grpc's DNS resolver accepts: a host with or without a port, which
// defaults to 443.
func checkHost(endpoint string) error {
	if endpoint == "" {
		return errors.New(`the target is empty; write "host:port"`)
	}
	if strings.ContainsAny(endpoint, " \t\r\n/") {
		return errors.New(`a host name cannot contain spaces or slashes; write "host:port"`)
	}
	if _, err := netip.ParseAddr(endpoint); err == nil {
		return nil
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err == nil && port == "" {
		return errors.New(`the port is missing after the colon; write "host:port"`)
	}
	if err == nil {
		return nil
	}
	if _, _, withPort := net.SplitHostPort(endpoint + ":443"); withPort == nil {
		return nil
	}
	return fmt.Errorf(`%w; write "host:port", and an IPv6 address in brackets`, err)
}
