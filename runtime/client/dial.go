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

// Defaults and limits of connections of [Dial].
const (
	// DefaultTimeout is the deadline of a unary call if neither its context nor its policy has
	// one. [WithCallTimeout] changes it.
	DefaultTimeout = 30 * time.Second
	// MaxRecvMsgSize is the maximum size of a response in bytes: what package server sends at
	// most.
	MaxRecvMsgSize = 16 << 20
	// KeepaliveTime is how long a connection with calls may be silent before the client pings to
	// detect a lost peer. It is well above the interval below which servers close a connection.
	KeepaliveTime = time.Minute
	// KeepaliveTimeout is how long the client waits for the response to its ping.
	KeepaliveTimeout = 20 * time.Second
)

// Option configures [Dial].
type Option func(*settings)

// settings holds the options of one connection.
type settings struct {
	tls      *tls.Config
	insecure bool
	health   bool
	services map[string]bool // those whose methods follow
	methods  []runtime.MethodInfo
	grpc     []grpc.DialOption
	errs     []error
}

// WithInsecure disables TLS: for tests, for a server on the same machine, or for a proxy that
// terminates TLS.
func WithInsecure() Option {
	return func(c *settings) { c.insecure = true }
}

// WithTLS sets the TLS configuration: to trust your own CA instead of the system's roots, or to
// present a client certificate. Its counterpart on the server is server.WithTLS.
func WithTLS(config *tls.Config) Option {
	return func(c *settings) {
		if config == nil {
			c.errs = append(c.errs, errors.New("WithTLS(nil): pass a configuration, or omit the option to use the system's roots"))
		}
		c.tls = config
	}
}

// WithDialOptions passes options to grpc. They override the runtime's own.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(c *settings) { c.grpc = append(c.grpc, opts...) }
}

// Dial returns a connection for generated clients to target: "host:port", "dns:///host:port",
// "unix:///path", or a scheme with a registered resolver. It does not wait for the server: the
// first call connects. Calls to an unreachable server fail with UNAVAILABLE.
//
// By default the connection
//   - uses TLS 1.2 or later with the system's roots ([WithTLS], [WithInsecure]);
//   - distributes calls over all addresses that target resolves to (round_robin);
//   - applies the policies of the services passed with [WithServiceConfig];
//   - sends calls to every reachable server, healthy or not ([WithHealthChecks]);
//   - pings after [KeepaliveTime] of silence while calls are open, and closes after
//     [KeepaliveTimeout];
//   - accepts responses of up to [MaxRecvMsgSize] bytes, the maximum of package server.
//
// An error names the target or the option and the mistake.
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

// defaults returns the runtime's own grpc options.
func (c *settings) defaults() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(c.credentials()),
		grpc.WithDefaultServiceConfig(c.serviceConfig(methodConfigOf).String()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxRecvMsgSize)),
		// No pings without calls: they would keep devices awake, and third-party servers reject
		// them.
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
