package connpool

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"
)

// Name is the name of the balancer in grpc's registry.
const Name = "grpcservice_connections"

// idleTime is how long a connection must have had no streams to be closed.
const idleTime = time.Minute

// Config is the configuration of the balancer.
type Config struct {
	// Connections is how many connections a server has at most.
	Connections int `json:"connections"`
	// HealthChecks reports whether each connection has a stream that checks health.
	HealthChecks bool `json:"healthChecks,omitempty"`
	// IdleMillis is after how many milliseconds without streams a connection is closed. It is a
	// minute if unset.
	IdleMillis int64 `json:"idleMillis,omitempty"`
	// ChildPolicy chooses the server: the first that is registered (gRFC A24).
	ChildPolicy []json.Marshaler `json:"childPolicy"`
}

// The balancer is registered here: grpc's registry is a map without a lock, which may be written
// only during initialization.
func init() { balancer.Register(builder{}) }

// builder implements [balancer.Builder] and [balancer.ConfigParser].
type builder struct{}

func (builder) Name() string { return Name }

func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	return newPool(cc, opts)
}

// config is a parsed [Config].
type config struct {
	serviceconfig.LoadBalancingConfig

	connections int
	reserved    uint32 // streams of each connection that are not calls
	idle        time.Duration
	child       balancer.Builder
	childConfig serviceconfig.LoadBalancingConfig
}

// ParseConfig implements [balancer.ConfigParser].
func (builder) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	var raw struct {
		Config
		ChildPolicy []map[string]json.RawMessage `json:"childPolicy"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	if raw.Connections < 1 {
		return nil, fmt.Errorf("%s: connections: %d is below 1", Name, raw.Connections)
	}
	c := &config{connections: raw.Connections, idle: idleTime}
	if raw.IdleMillis > 0 {
		c.idle = time.Duration(raw.IdleMillis) * time.Millisecond
	}
	if raw.HealthChecks {
		c.reserved = 1
	}
	var err error
	if c.child, c.childConfig, err = parseChild(raw.ChildPolicy); err != nil {
		return nil, fmt.Errorf("%s: childPolicy: %w", Name, err)
	}
	return c, nil
}

// parseChild returns the first balancer of a list that is registered.
func parseChild(list []map[string]json.RawMessage) (
	balancer.Builder, serviceconfig.LoadBalancingConfig, error,
) {
	for _, entry := range list {
		if len(entry) != 1 {
			return nil, nil, fmt.Errorf("an entry has %d names; want 1", len(entry))
		}
		for name, text := range entry {
			child := balancer.Get(name)
			parser, ok := child.(balancer.ConfigParser)
			if child == nil || !ok {
				if child != nil {
					return child, nil, nil
				}
				continue
			}
			parsed, err := parser.ParseConfig(text)
			return child, parsed, err
		}
	}
	return nil, nil, errors.New("no balancer of the list is registered")
}
