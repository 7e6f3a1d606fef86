package policy

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ServiceConfig is a gRPC service config, as far as policies need it: how a client treats a
// server. See grpc/doc/service_config.md for the full format, and gRFC A6 for the policies.
type ServiceConfig struct {
	LoadBalancing []json.Marshaler  `json:"loadBalancingConfig"` // the first that a client knows
	Scaling       *ScalingConfig    `json:"connectionScaling,omitempty"`
	Health        *HealthConfig     `json:"healthCheckConfig,omitempty"`
	Methods       []MethodConfig    `json:"methodConfig,omitempty"`
	Throttling    *ThrottlingConfig `json:"retryThrottling,omitempty"`
}

// ScalingConfig states how many connections a client opens to each server (gRFC A105).
type ScalingConfig struct {
	MaxConnections int `json:"maxConnectionsPerSubchannel"`
}

// HealthConfig names the service whose health clients check; "" is the server as a whole.
type HealthConfig struct {
	Service string `json:"serviceName"`
}

// MethodConfig is how a client treats one method.
type MethodConfig struct {
	Names   []MethodName   `json:"name"`
	Timeout ConfigDuration `json:"timeout,omitzero"` // the longest that a call may take
	Retry   *RetryConfig   `json:"retryPolicy,omitempty"`
	Hedging *HedgingConfig `json:"hedgingPolicy,omitempty"`
}

// MethodName names a method by the full name of its service and its own.
type MethodName struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

// RetryConfig defines when a client retries.
type RetryConfig struct {
	MaxAttempts    int            `json:"maxAttempts"`
	InitialBackoff ConfigDuration `json:"initialBackoff"`
	MaxBackoff     ConfigDuration `json:"maxBackoff"`
	Multiplier     float64        `json:"backoffMultiplier"`
	Codes          []string       `json:"retryableStatusCodes"`
}

// HedgingConfig defines when a client sends a second attempt before the first has returned.
type HedgingConfig struct {
	MaxAttempts   int            `json:"maxAttempts"`
	Delay         ConfigDuration `json:"hedgingDelay"`
	NonFatalCodes []string       `json:"nonFatalStatusCodes,omitempty"`
}

// ThrottlingConfig defines at which failure rate retries stop.
type ThrottlingConfig struct {
	MaxTokens  float64 `json:"maxTokens"`
	TokenRatio float64 `json:"tokenRatio"`
}

// A failure takes one of ThrottleTokens tokens, and a success returns ThrottleRatio of one; there
// are no retries while half of the tokens are missing.
const (
	ThrottleTokens = 10
	ThrottleRatio  = 0.1
)

// ConfigDuration is a duration in protobuf's JSON form: "0.250s".
type ConfigDuration time.Duration

// MarshalJSON implements json.Marshaler.
func (d ConfigDuration) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(durationpb.New(time.Duration(d)))
}

// NewServiceConfig returns the service config of a connection to a server of these methods. By
// default it distributes calls over all addresses of a target, whereas grpc sends all of them to
// the first. Methods without a rule are omitted.
func NewServiceConfig(balancing Balancing, methods []MethodConfig) *ServiceConfig {
	c := &ServiceConfig{LoadBalancing: balancing.Policy.configs()}
	for _, m := range methods {
		if m.Timeout == 0 && m.Retry == nil && m.Hedging == nil {
			continue
		}
		c.Methods = append(c.Methods, m)
		if m.Retry != nil || m.Hedging != nil {
			c.Throttling = &ThrottlingConfig{MaxTokens: ThrottleTokens, TokenRatio: ThrottleRatio}
		}
	}
	return c
}

// configs returns the balancers of grpc for a policy, the best one first: not every implementation
// has least_request.
func (b BalancingPolicy) configs() []json.Marshaler {
	roundRobin := json.RawMessage(`{"round_robin":{}}`)
	switch b {
	case PickFirst:
		return []json.Marshaler{json.RawMessage(`{"pick_first":{}}`)}
	case LeastRequest:
		return []json.Marshaler{json.RawMessage(`{"least_request_experimental":{}}`), roundRobin}
	default:
		return []json.Marshaler{roundRobin}
	}
}

// Scale adds the connections to each server, for clients that know them from nothing else.
func (c *ServiceConfig) Scale(balancing Balancing) {
	if balancing.Connections > 1 {
		c.Scaling = &ScalingConfig{balancing.Connections}
	}
}

// String returns the config as JSON.
func (c *ServiceConfig) String() string {
	text, err := json.Marshal(c)
	if err != nil { // a duration of more than ten thousand years
		return err.Error() // grpc rejects it
	}
	return string(text)
}

// ClientConfig returns the service config of a method for generated clients; stream reports
// whether either end of it streams. These clients apply default deadlines and hedge themselves,
// so the config has only the maximum deadline and retries.
func (p Policy) ClientConfig(name MethodName, stream bool) MethodConfig {
	longest := p.MaxTimeout
	if stream {
		longest = p.TotalTimeout
	}
	return MethodConfig{
		Names:   []MethodName{name},
		Timeout: ConfigDuration(max(0, longest)), // None is below 0
		Retry:   retryConfigOf(p.Retry),
	}
}

// StandaloneConfig returns the service config of a method for clients that know the policy from
// nothing else.
func (p Policy) StandaloneConfig(name MethodName, stream bool) MethodConfig {
	c := p.ClientConfig(name, stream)
	if c.Timeout == 0 && !stream {
		c.Timeout = ConfigDuration(max(0, p.Timeout))
	}
	if h := p.Hedging; h.MaxAttempts > 0 {
		c.Hedging = &HedgingConfig{MaxAttempts: h.MaxAttempts, Delay: ConfigDuration(h.Delay), NonFatalCodes: h.NonFatalCodes}
	}
	return c
}

func retryConfigOf(r Retry) *RetryConfig {
	if r.MaxAttempts == 0 {
		return nil
	}
	return &RetryConfig{
		MaxAttempts:    r.MaxAttempts,
		InitialBackoff: ConfigDuration(r.InitialBackoff),
		MaxBackoff:     ConfigDuration(r.MaxBackoff),
		Multiplier:     r.Multiplier,
		Codes:          r.Codes,
	}
}
