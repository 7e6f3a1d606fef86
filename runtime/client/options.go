package client

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Defaults and limits of connections of [Dial].
const (
	// DefaultTimeout is the deadline of a unary call if neither its context nor its policy has
	// one. [WithCallTimeout] changes it.
	DefaultTimeout = 30 * time.Second
	// MaxRecvMsgSize is the maximum size of a response in bytes: what package server sends at
	// most.
	MaxRecvMsgSize = 16 << 20
)

// Option configures [Dial].
type Option func(*settings)

// settings holds the options of one connection.
type settings struct {
	tls         tlsSettings
	connections int // to each server; 0: that of the services, or the default
	wrapCreds   []credentialsWrapper
	perCall     []credentials.PerRPCCredentials
	health      bool
	balancer    Balancer // none: that of the services, or the default
	zone        string   // of this process; "": unknown
	resolvers   []resolver.Builder
	keepalive   keepaliveSettings
	connect     connectSettings
	idle        *time.Duration // nil: the default
	unary       []grpc.UnaryClientInterceptor
	stream      []grpc.StreamClientInterceptor
	compress    grpc.UnaryClientInterceptor // nil: none
	observers   []*observer
	services    map[string]bool // those whose methods and balancings follow
	balancings  policy.Balancings
	methods     []runtime.MethodInfo
	grpc        []grpc.DialOption
	errs        []error
}

// fail keeps an option's error for Dial to return.
func (c *settings) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// WithDialOptions passes options to grpc. They override the runtime's own.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(c *settings) { c.grpc = append(c.grpc, opts...) }
}
