package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/grpcservice/grpcservice/runtime"
)

// What connections of [Dial] grant and ask for.
const (
	// DefaultTimeout is the deadline of a unary call whose context has none and whose policy names none.
	// [WithCallTimeout] sets another.
	DefaultTimeout = 30 * time.Second
	// MaxRecvMsgSize is the largest response, in bytes: what a server of package server sends.
	MaxRecvMsgSize = 16 << 20
	// KeepaliveTime is how long a connection with calls may be silent before the client pings, to find
	// a peer that is gone. It keeps well away from the interval below which servers close a connection.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long the client waits for the answer to its ping.
	KeepaliveTimeout = 20 * time.Second
)

// Option configures [Dial].
type Option func(*settings)

// settings is what the options of one connection add up to.
type settings struct {
	tls      *tls.Config
	insecure bool
	health   bool
	services map[string]bool // those whose methods follow
	methods  []runtime.MethodInfo
	grpc     []grpc.DialOption
	errs     []error
}

// WithInsecure speaks plain text: for tests, for a server on the same machine, or behind a proxy that does TLS.
func WithInsecure() Option {
	return func(c *settings) { c.insecure = true }
}

// WithTLS speaks TLS as config says, in place of the system's roots: to trust a CA of one's own, or to show a
// certificate. [server.WithTLS] is its counterpart on the server.
func WithTLS(config *tls.Config) Option {
	return func(c *settings) {
		if config == nil {
			c.errs = append(c.errs, errors.New("WithTLS(nil): pass a configuration, or leave the option out for the system's roots"))
		}
		c.tls = config
	}
}

// WithDialOptions passes options to grpc, after the runtime's own, which they override.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(c *settings) { c.grpc = append(c.grpc, opts...) }
}

// Dial returns a connection for generated clients to target: "host:port", or with a scheme "dns:///host:port",
// "unix:///path", or one whose resolver was registered. It does not wait for the server: calls connect, and those to a
// server that cannot be reached fail with UNAVAILABLE.
//
// By default the connection
//   - uses TLS 1.2 or later, and the system's roots ([WithTLS], [WithInsecure]);
//   - spreads calls over all addresses that target resolves to (round_robin);
//   - keeps the policies of the services that it is told of ([WithServiceConfig]);
//   - sends calls to every server that it reaches, healthy or not ([WithHealthChecks]);
//   - pings after [KeepaliveTime] of silence while calls are open, and gives up after [server.KeepaliveTimeout];
//   - takes responses of up to [server.MaxRecvMsgSize] bytes, which is what our servers send.
//
// An error names the target, or the option, and what is wrong with it.
func Dial(target string, opts ...Option) (*grpc.ClientConn, error) {
	c := new(settings)
	for _, opt := range opts {
		opt(c)
	}
	if c.insecure && c.tls != nil {
		c.errs = append(c.errs, errors.New("WithInsecure and WithTLS: choose one"))
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	conn, err := grpc.NewClient(target, append(c.defaults(), c.grpc...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", target, err)
	}
	if err := checkTarget(target, conn.CanonicalTarget()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot dial %q: %w", target, err), conn.Close())
	}
	return conn, nil
}

// defaults returns the grpc options that are the runtime's own.
func (c *settings) defaults() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(c.credentials()),
		grpc.WithDefaultServiceConfig(c.serviceConfig(methodConfigOf).String()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxRecvMsgSize)),
		// No pings without calls: they would keep devices awake, and servers of others forbid them.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: KeepaliveTime, Timeout: KeepaliveTimeout}),
	}
}

func (c *settings) credentials() credentials.TransportCredentials {
	switch {
	case c.insecure:
		return insecure.NewCredentials()
	case c.tls != nil:
		return credentials.NewTLS(c.tls)
	default:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
}
