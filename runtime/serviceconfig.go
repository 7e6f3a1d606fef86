package runtime

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
)

// serviceConfig is what gRPC calls a service config, as far as this package writes it: how a client treats a server. See
// grpc/doc/service_config.md for the whole, and gRFC A6 for the policies.
type serviceConfig struct {
	LoadBalancing []map[string]struct{} `json:"loadBalancingConfig"`
	Health        *healthConfig         `json:"healthCheckConfig,omitempty"`
	Methods       []methodConfig        `json:"methodConfig,omitempty"`
	Throttling    *throttlingConfig     `json:"retryThrottling,omitempty"`
}

// healthConfig names what is asked of a server's health service; "" is the server as a whole.
type healthConfig struct {
	Service string `json:"serviceName"`
}

// methodConfig is how a client treats one method.
type methodConfig struct {
	Names   []methodName   `json:"name"`
	Timeout protoDuration  `json:"timeout,omitzero"` // the longest that a call may take
	Retry   *retryConfig   `json:"retryPolicy,omitempty"`
	Hedging *hedgingConfig `json:"hedgingPolicy,omitempty"`
}

type methodName struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

type retryConfig struct {
	MaxAttempts    int           `json:"maxAttempts"`
	InitialBackoff protoDuration `json:"initialBackoff"`
	MaxBackoff     protoDuration `json:"maxBackoff"`
	Multiplier     float64       `json:"backoffMultiplier"`
	Codes          []string      `json:"retryableStatusCodes"`
}

type hedgingConfig struct {
	MaxAttempts   int           `json:"maxAttempts"`
	Delay         protoDuration `json:"hedgingDelay"`
	NonFatalCodes []string      `json:"nonFatalStatusCodes,omitempty"`
}

type throttlingConfig struct {
	MaxTokens  float64 `json:"maxTokens"`
	TokenRatio float64 `json:"tokenRatio"`
}

// protoDuration is a duration as protobuf's JSON spells it: "0.250s".
type protoDuration time.Duration

// MarshalJSON implements json.Marshaler.
func (d protoDuration) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(durationpb.New(time.Duration(d)))
}

// newServiceConfig returns the service config of a connection to a server of these methods. It spreads calls over all
// addresses of a target, where grpc's default sends everything to the first.
func newServiceConfig(methods []methodConfig) *serviceConfig {
	c := &serviceConfig{LoadBalancing: []map[string]struct{}{{"round_robin": {}}}, Methods: methods}
	for _, m := range methods {
		if m.Retry != nil || m.Hedging != nil {
			c.Throttling = &throttlingConfig{MaxTokens: throttleTokens, TokenRatio: throttleRatio}
		}
	}
	return c
}

// String returns the config as JSON.
func (c *serviceConfig) String() string {
	text, err := json.Marshal(c)
	if err != nil { // a duration of more than ten thousand years
		return err.Error() // grpc refuses it
	}
	return string(text)
}
