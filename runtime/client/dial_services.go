package client

import (
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // clients check the health of servers only where this is linked

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// WithServiceConfig has the connection keep the policies of a service. Generated code calls it; users pass what is generated
// for each service that they call over the connection:
//
//	conn, err := client.Dial(target, libraryv1service.BookServiceConfig(), libraryv1service.ShelfServiceConfig())
//
// Calls are retried where the policy of their method says so, by grpc (gRFC A6). When failures take the upper hand, retries
// stop for all of the connection: a failure takes one of ten tokens, a success brings back a tenth of one, and there are no
// retries while half of the tokens are gone. A method's longest timeout bounds its calls.
//
// It says how all clients on the connection treat the methods, also those that protoc-gen-go-grpc generated. Where a resolver
// provides a service config, as xDS does, that takes the place of this one.
func WithServiceConfig[S any](s *runtime.Service[S]) Option {
	return func(c *settings) {
		if s == nil {
			c.errs = append(c.errs, errors.New("WithServiceConfig(nil): pass a service's table"))
			return
		}
		c.addService(s.Name(), s.Methods())
	}
}

// WithHealthChecks has the connection ask the health service of each server whether the server as
// a whole, the service "", is serving. Servers that are not get no calls; servers without a
// health service do. A server that shuts down reports it before it stops, so that it gets no more
// calls from then on.
//
// A server that rejects the question gets no calls either: let unauthenticated callers watch its
// health, as a [server.Server] does. The question is a stream that stays open, and one of the streams
// that the server grants the connection. Clients ping while it is open, which stock servers allow
// every five minutes only.
func WithHealthChecks() Option {
	return func(c *settings) { c.health = true }
}

// addService takes the methods of one more service.
func (c *settings) addService(name string, methods []runtime.MethodInfo) {
	if c.services[name] {
		c.errs = append(c.errs, fmt.Errorf("WithServiceConfig: %s is given twice; give each service once", name))
		return
	}
	if c.services == nil {
		c.services = make(map[string]bool)
	}
	c.services[name] = true
	c.methods = append(c.methods, methods...)
	for _, m := range methods {
		if err := checkPolicy(m); err != nil {
			c.errs = append(c.errs, fmt.Errorf("WithServiceConfig: %w", err))
		}
	}
}

// serviceConfig returns the service config of the connection, of what describe says of each method.
func (c *settings) serviceConfig(describe func(runtime.MethodInfo) policy.MethodConfig) *policy.ServiceConfig {
	var methods []policy.MethodConfig
	for _, m := range c.methods {
		methods = append(methods, describe(m))
	}
	config := policy.NewServiceConfig(methods)
	if c.health {
		config.Health = new(policy.HealthConfig)
	}
	return config
}

// ServiceConfigJSON returns the policies of services as a gRPC service config: for clients that
// are not made by [Dial], in Go or another language, and for a file that they read. Of the
// options those of [WithServiceConfig] and [WithHealthChecks] count.
//
//	config, err := client.ServiceConfigJSON(libraryv1service.BookServiceConfig())
//	conn, err := grpc.NewClient(target, grpc.WithDefaultServiceConfig(config))
//
// It says more than [Dial] tells grpc, since such clients know nothing else of the policies:
// hedging, which grpc-go does not do but others do, and the default timeout of methods without a
// longest one. A service config knows timeouts only as a limit: a client that sets a longer
// deadline is held to it.
//
// To check health, a client in Go needs the import of google.golang.org/grpc/health.
func ServiceConfigJSON(services ...Option) (string, error) {
	c := new(settings)
	for _, service := range services {
		service(c)
	}
	if err := errors.Join(c.errs...); err != nil {
		return "", err
	}
	config := c.serviceConfig(standaloneConfigOf).String()
	conn, err := grpc.NewClient("passthrough:///", // for grpc's opinion of the config
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(config))
	if err != nil {
		return "", fmt.Errorf("ServiceConfigJSON: %w", err)
	}
	return config, conn.Close()
}
