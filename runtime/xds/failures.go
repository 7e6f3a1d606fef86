package xds

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"
)

// The names of the balancer of [OutlierDetection], and of grpc's within it, which grpc's package
// xds registers.
const (
	outlierName  = "grpcservice_outlier_detection"
	detectorName = "outlier_detection_experimental"
)

// grpc's registry of balancers is a map without a lock, which only init may change, and a service
// config refers to balancers by nothing but their names.
func init() { balancer.Register(outlierBuilder{}) }

// outlierBuilder builds the balancer of [OutlierDetection]: grpc's, which takes every error for a
// failure of the server, with the errors of calls replaced by those that are.
type outlierBuilder struct{}

// outlierConfig is the configuration of the balancer.
type outlierConfig struct {
	serviceconfig.LoadBalancingConfig `json:"-"`

	Detection json.RawMessage `json:"outlierDetection"`
	Failures  []codes.Code    `json:"failures"`

	parsed serviceconfig.LoadBalancingConfig
	counts codeSet
}

// codeSet has a bit for each code.
type codeSet uint64

func (s codeSet) has(code codes.Code) bool { return code < 64 && s>>code&1 == 1 }

// Name implements [balancer.Builder].
func (outlierBuilder) Name() string { return outlierName }

// ParseConfig implements [balancer.ConfigParser].
func (outlierBuilder) ParseConfig(js json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	config := new(outlierConfig)
	if err := json.Unmarshal(js, config); err != nil {
		return nil, fmt.Errorf("%s: %w", outlierName, err)
	}
	for _, code := range config.Failures {
		config.counts |= 1 << code
	}
	parsed, err := balancer.Get(detectorName).(balancer.ConfigParser).ParseConfig(config.Detection)
	if err != nil {
		return nil, err
	}
	config.parsed = parsed
	return config, nil
}

// Build implements [balancer.Builder].
func (outlierBuilder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	judge := &judge{ClientConn: cc}
	return &outlierBalancer{balancer.Get(detectorName).Build(judge, opts), judge}
}

// outlierBalancer is grpc's balancer.
type outlierBalancer struct {
	balancer.Balancer
	judge *judge
}

// UpdateClientConnState implements [balancer.Balancer].
func (b *outlierBalancer) UpdateClientConnState(state balancer.ClientConnState) error {
	config, ok := state.BalancerConfig.(*outlierConfig)
	if !ok {
		return fmt.Errorf("%s: unexpected configuration %T", outlierName, state.BalancerConfig)
	}
	b.judge.failures.Store(uint64(config.counts))
	state.BalancerConfig = config.parsed
	return b.Balancer.UpdateClientConnState(state)
}

// judge is the connection that grpc's balancer sees.
type judge struct {
	balancer.ClientConn
	failures atomic.Uint64 // a codeSet
}

// UpdateState implements [balancer.ClientConn].
func (j *judge) UpdateState(state balancer.State) {
	state.Picker = judgingPicker{state.Picker, j}
	j.ClientConn.UpdateState(state)
}

// judgingPicker replaces the errors of calls that are no failures of a server.
type judgingPicker struct {
	balancer.Picker
	judge *judge
}

// Pick implements [balancer.Picker].
func (p judgingPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	result, err := p.Picker.Pick(info)
	if done := result.Done; err == nil && done != nil {
		result.Done = func(info balancer.DoneInfo) {
			if !codeSet(p.judge.failures.Load()).has(status.Code(info.Err)) {
				info.Err = nil
			}
			done(info)
		}
	}
	return result, err
}
