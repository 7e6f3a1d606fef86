package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/balancer/leastrequest" // registers the balancer
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/balancer/roundrobin"
)

// Balancer distributes the calls of a connection over the servers of its target. It is the name of
// a balancer of grpc with its configuration: an entry of loadBalancingConfig in a service config
// (gRFC A24).
type Balancer struct {
	name   string
	config any
}

// NewBalancer returns a balancer by its name in grpc's registry, with a configuration that becomes
// JSON. A nil configuration is an empty one. If the MarshalJSON of the configuration returns an
// error, so does [Dial].
func NewBalancer(name string, config any) Balancer {
	return Balancer{name, config}
}

// PickFirst sends all calls to the first server that can be reached.
func PickFirst() Balancer { return NewBalancer(pickfirst.Name, nil) }

// RoundRobin sends calls to all servers in turn. It is the default of [Dial].
func RoundRobin() Balancer { return NewBalancer(roundrobin.Name, nil) }

// LeastRequest draws two servers at random for each call and sends it to the one with fewer
// unfinished calls of this connection (gRFC A48). It suits calls that differ in duration.
func LeastRequest() Balancer { return NewBalancer("least_request_experimental", nil) }

// Name returns the name of the balancer in grpc's registry.
func (b Balancer) Name() string { return b.name }

// MarshalJSON implements [json.Marshaler].
func (b Balancer) MarshalJSON() ([]byte, error) {
	config := b.config
	if config == nil {
		config = struct{}{}
	}
	return json.Marshal(map[string]any{b.name: config})
}

// check finds mistakes that grpc would report without naming the option.
func (b Balancer) check() error {
	builder := balancer.Get(b.name)
	if builder == nil {
		return fmt.Errorf("no balancer %q is registered; import its package", b.name)
	}
	entry, err := json.Marshal(b)
	if err != nil {
		return marshalCause(err)
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(entry, &config); err != nil {
		return err
	}
	if parser, ok := builder.(balancer.ConfigParser); ok {
		_, err = parser.ParseConfig(config[b.name])
	}
	return err
}

// marshalCause returns the error of a MarshalJSON method without the types that contain it.
func marshalCause(err error) error {
	var in *json.MarshalerError
	for errors.As(err, &in) {
		err = in.Err
	}
	return err
}

// WithBalancer sets how calls are distributed over the servers of the target, instead of the
// policy of the services ([WithServiceConfig]) and of [RoundRobin].
func WithBalancer(b Balancer) Option {
	return func(c *settings) {
		if err := b.check(); err != nil {
			c.fail("WithBalancer(%q): %w", b.name, err)
			return
		}
		c.balancer = b
	}
}
