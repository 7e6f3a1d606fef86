package connpool

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcservice/grpcservice/runtime/internal/childpolicy"
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
	child       childpolicy.Child
}

// ParseConfig implements [balancer.ConfigParser].
func (builder) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	var raw struct {
		Config
		ChildPolicy childpolicy.List `json:"childPolicy"`
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
	if c.child, err = raw.ChildPolicy.Parse(); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return c, nil
}
