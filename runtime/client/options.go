package client

import (
	"crypto/tls"
	"errors"
	"time"

	"google.golang.org/grpc"

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
