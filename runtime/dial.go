package runtime

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// ClientKeepaliveTime is how long a connection with calls may be silent before the client of [Dial] pings, to find a peer
// that is gone. It keeps well away from [MinPingInterval], below which servers throw a client out.
const ClientKeepaliveTime = time.Minute

// DialOption configures [Dial].
type DialOption func(*dialConfig)

// dialConfig is what the options of one connection add up to.
type dialConfig struct {
	tls      *tls.Config
	insecure bool
	health   bool
	services map[string]bool // those whose methods follow
	methods  []MethodInfo
	grpc     []grpc.DialOption
	errs     []error
}

// WithInsecure speaks plain text: for tests, for a server on the same machine, or behind a proxy that does TLS.
func WithInsecure() DialOption {
	return func(c *dialConfig) { c.insecure = true }
}

// WithClientTLS speaks TLS as config says, in place of the system's roots: to trust a CA of one's own, or to show a
// certificate. [WithTLS] is its counterpart on the server.
func WithClientTLS(config *tls.Config) DialOption {
	return func(c *dialConfig) {
		if config == nil {
			c.errs = append(c.errs, errors.New("WithClientTLS(nil): pass a configuration, or leave the option out for the system's roots"))
		}
		c.tls = config
	}
}

// WithDialOptions passes options to grpc, after the runtime's own, which they override.
func WithDialOptions(opts ...grpc.DialOption) DialOption {
	return func(c *dialConfig) { c.grpc = append(c.grpc, opts...) }
}

// Dial returns a connection for generated clients to target: "host:port", or with a scheme "dns:///host:port",
// "unix:///path", or one whose resolver was registered. It does not wait for the server: calls connect, and those to a
// server that cannot be reached fail with UNAVAILABLE.
//
// By default the connection
//   - uses TLS 1.2 or later, and the system's roots ([WithClientTLS], [WithInsecure]);
//   - spreads calls over all addresses that target resolves to (round_robin);
//   - keeps the policies of the services that it is told of ([WithServiceConfig]);
//   - sends calls to every server that it reaches, healthy or not ([WithHealthChecks]);
//   - pings after [ClientKeepaliveTime] of silence while calls are open, and gives up after [KeepaliveTimeout];
//   - takes responses of up to [MaxSendMsgSize] bytes, which is what a [Server] sends.
//
// An error names the target, or the option, and what is wrong with it.
func Dial(target string, opts ...DialOption) (*grpc.ClientConn, error) {
	c := new(dialConfig)
	for _, opt := range opts {
		opt(c)
	}
	if c.insecure && c.tls != nil {
		c.errs = append(c.errs, errors.New("WithInsecure and WithClientTLS: choose one"))
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
func (c *dialConfig) defaults() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(c.credentials()),
		grpc.WithDefaultServiceConfig(c.serviceConfig(methodConfigOf).String()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxSendMsgSize)),
		// No pings without calls: they would keep devices awake, and servers of others forbid them.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: ClientKeepaliveTime, Timeout: KeepaliveTimeout}),
	}
}

func (c *dialConfig) credentials() credentials.TransportCredentials {
	switch {
	case c.insecure:
		return insecure.NewCredentials()
	case c.tls != nil:
		return credentials.NewTLS(c.tls)
	default:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
}
