package orca

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/balancer/weightedroundrobin"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// Defaults and bounds of [WeightedRoundRobin].
const (
	// DefaultBlackout is how long a server must have reported before its reports count.
	DefaultBlackout = 10 * time.Second
	// DefaultExpiration is how long the last report of a server counts.
	DefaultExpiration = 3 * time.Minute
	// DefaultUpdateInterval is how often the shares of the servers are computed.
	DefaultUpdateInterval = time.Second
	// MinUpdateInterval is the shortest interval of [WithUpdateInterval].
	MinUpdateInterval = 100 * time.Millisecond
	// DefaultErrorPenalty is how much errors add to the load of a server.
	DefaultErrorPenalty = 1
)

// BalancerOption configures [WeightedRoundRobin].
type BalancerOption func(*weights)

// WeightedRoundRobin sends calls to all servers in turn, each with a share according to the load
// that it reports (gRFC A58): its calls per second, divided by the sum of its utilization and of the
// fraction of its calls that failed. A server that reports nothing, or not for long enough yet, has
// the average share. If fewer than two servers report, all have the same.
//
// Servers report with each response; [WithOutOfBand] asks for a stream of reports instead.
// client.Dial returns an error for an option that is out of bounds.
func WeightedRoundRobin(opts ...BalancerOption) client.Balancer {
	w := &weights{config: config{
		Blackout:       seconds(DefaultBlackout),
		Expiration:     seconds(DefaultExpiration),
		UpdateInterval: seconds(DefaultUpdateInterval),
		ErrorPenalty:   DefaultErrorPenalty,
	}}
	for _, opt := range opts {
		opt(w)
	}
	return client.NewBalancer(weightedroundrobin.Name, w)
}

// WithOutOfBand makes the client ask each server for a stream of reports, one in each interval of
// at least [MinPeriod], and ignore those of responses: for servers that get few calls from each
// client, and for streams that are open for long. It costs a stream for each connection. A server
// may report less often: grpc's own every 30 seconds, one of [Reports] once a period.
func WithOutOfBand(interval time.Duration) BalancerOption {
	return func(w *weights) {
		w.atLeast("WithOutOfBand", interval, MinPeriod)
		w.config.OutOfBand, w.config.Interval = true, seconds(interval)
	}
}

// WithBlackout sets how long a server must have reported before its reports count, instead of
// [DefaultBlackout]; 0 for no time. A server that was just started is slower than it will be.
func WithBlackout(blackout time.Duration) BalancerOption {
	return func(w *weights) {
		w.atLeast("WithBlackout", blackout, 0)
		w.config.Blackout = seconds(blackout)
	}
}

// WithExpiration sets how long the last report of a server counts, instead of [DefaultExpiration];
// at least [MinUpdateInterval].
func WithExpiration(expiration time.Duration) BalancerOption {
	return func(w *weights) {
		w.atLeast("WithExpiration", expiration, MinUpdateInterval)
		w.config.Expiration = seconds(expiration)
	}
}

// WithUpdateInterval sets how often the shares of the servers are computed, instead of
// [DefaultUpdateInterval]; at least [MinUpdateInterval].
func WithUpdateInterval(interval time.Duration) BalancerOption {
	return func(w *weights) {
		w.atLeast("WithUpdateInterval", interval, MinUpdateInterval)
		w.config.UpdateInterval = seconds(interval)
	}
}

// WithErrorPenalty sets how much errors add to the load of a server, instead of
// [DefaultErrorPenalty]: with 1, a server all of whose calls fail counts as one that has reached
// its limit. With 0, errors change nothing, and a server that fails fast attracts calls.
func WithErrorPenalty(penalty float64) BalancerOption {
	return func(w *weights) {
		if !(penalty >= 0 && penalty <= 1000) {
			w.errs = append(w.errs, fmt.Errorf("WithErrorPenalty(%v): pass 0 to 1000", penalty))
			return
		}
		w.config.ErrorPenalty = penalty
	}
}

// weights are the settings of a balancer, with their mistakes.
type weights struct {
	config config
	errs   []error
}

// config is the configuration as gRFC A58 spells it.
type config struct {
	OutOfBand      bool    `json:"enableOobLoadReport,omitempty"`
	Interval       seconds `json:"oobReportingPeriod,omitzero"`
	Blackout       seconds `json:"blackoutPeriod"`
	Expiration     seconds `json:"weightExpirationPeriod"`
	UpdateInterval seconds `json:"weightUpdatePeriod"`
	ErrorPenalty   float64 `json:"errorUtilizationPenalty"`
}

func (w *weights) atLeast(option string, value, least time.Duration) {
	if value < least {
		w.errs = append(w.errs, fmt.Errorf("%s(%v): pass at least %v", option, value, least))
	}
}

// MarshalJSON implements [json.Marshaler].
func (w *weights) MarshalJSON() ([]byte, error) {
	if err := errors.Join(w.errs...); err != nil {
		return nil, err
	}
	return json.Marshal(w.config)
}

// seconds is a duration as JSON spells those of protobuf: "1.5s".
type seconds time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (s seconds) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%09ds", s/1e9, s%1e9), nil
}
