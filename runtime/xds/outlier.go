package xds

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// Defaults and bounds of [OutlierDetection].
const (
	// DefaultInterval is how often servers are judged, by the calls since the last time.
	DefaultInterval = 10 * time.Second
	// MinInterval is the shortest interval of [WithInterval].
	MinInterval = 100 * time.Millisecond
	// DefaultEjectionTime is how long a server is ejected for the first time.
	DefaultEjectionTime = 30 * time.Second
	// DefaultMaxEjectionTime is how long a server is ejected at most.
	DefaultMaxEjectionTime = 5 * time.Minute
	// DefaultMaxEjected is how many percent of the servers may be ejected at a time.
	DefaultMaxEjected = 10
	// DefaultFailurePercentage is the percentage of failed calls above which a server is ejected.
	DefaultFailurePercentage = 50
	// DefaultMinServers is how many servers must have had enough calls.
	DefaultMinServers = 2
	// DefaultMinCalls is how many calls a server must have had in an interval.
	DefaultMinCalls = 20
)

// OutlierOption configures [OutlierDetection].
type OutlierOption func(*outliers)

// OutlierDetection keeps calls from servers most of whose calls fail, although they are connected
// and may report that they are healthy (gRFC A50). It distributes the calls over the other servers
// by child, such as client.RoundRobin(); client.PickFirst() has one server and cannot eject it.
//
// Servers are judged every [DefaultInterval]: if more than half of the calls of one failed, of at least
// [DefaultMinCalls], it is ejected for [DefaultEjectionTime], and for as much longer each time that
// it is ejected again. At most 10 percent of the servers are ejected at a time, but always one.
//
// A call has failed if it returns UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE
// or DATA_LOSS ([WithFailures]). grpc alone would also count NOT_FOUND and others that are the fault
// of the caller.
//
// client.Dial returns an error for an option that is out of bounds.
func OutlierDetection(child client.Balancer, opts ...OutlierOption) client.Balancer {
	o := &outliers{config: detection{
		Interval:        seconds(DefaultInterval),
		EjectionTime:    seconds(DefaultEjectionTime),
		MaxEjectionTime: seconds(DefaultMaxEjectionTime),
		MaxEjected:      DefaultMaxEjected,
		Child:           []client.Balancer{child},
	}, failures: faults}
	if name := child.Name(); name == "" || name == pickfirst.Name {
		o.fail("OutlierDetection(%q): pass a balancer that distributes calls, such as client.RoundRobin()", name)
	}
	for _, opt := range opts {
		opt(o)
	}
	if o.config.Failures == nil && o.config.SuccessRate == nil {
		WithFailurePercentage(DefaultFailurePercentage, DefaultMinServers, DefaultMinCalls)(o)
	}
	return client.NewBalancer(outlierName, o)
}

// WithInterval sets how often servers are judged, instead of [DefaultInterval]; at least
// [MinInterval].
func WithInterval(interval time.Duration) OutlierOption {
	return func(o *outliers) {
		if interval < MinInterval {
			o.fail("WithInterval(%v): pass at least %v", interval, MinInterval)
		}
		o.config.Interval = seconds(interval)
	}
}

// WithEjectionTime sets how long a server is ejected, instead of [DefaultEjectionTime] and
// [DefaultMaxEjectionTime]: base the first time, and base more each time that it is ejected again,
// up to most. Each interval in which it is not ejected takes one from the count.
func WithEjectionTime(base, most time.Duration) OutlierOption {
	return func(o *outliers) {
		if base <= 0 || most < base {
			o.fail("WithEjectionTime(%v, %v): pass a time above 0, and a maximum of at least that", base, most)
		}
		o.config.EjectionTime, o.config.MaxEjectionTime = seconds(base), seconds(most)
	}
}

// WithMaxEjected sets how many percent of the servers may be ejected at a time, instead of
// [DefaultMaxEjected]; 1 to 100. One server may always be.
func WithMaxEjected(percent int) OutlierOption {
	return func(o *outliers) {
		o.within("WithMaxEjected", percent, 1, 100)
		o.config.MaxEjected = percent
	}
}

// WithFailurePercentage ejects servers of whose calls more than so many percent failed, 0 to 99.
// Only servers with at least calls calls in the interval are judged, and only if there are so many
// of them.
func WithFailurePercentage(percent, servers, calls int) OutlierOption {
	return func(o *outliers) {
		o.within("WithFailurePercentage: percent", percent, 0, 99)
		o.within("WithFailurePercentage: servers", servers, 1, maxCount)
		o.within("WithFailurePercentage: calls", calls, 1, maxCount)
		o.config.Failures = &failurePercentage{percent, 100, servers, calls}
	}
}

// WithSuccessRate ejects servers whose rate of success is lower than the mean of all servers by more
// than deviations standard deviations: for services with many servers, some of whose calls always
// fail. Only servers with at least calls calls in the interval are judged, and only if there are so
// many of them. Envoy's values are 1.9, 5 and 100.
func WithSuccessRate(deviations float64, servers, calls int) OutlierOption {
	return func(o *outliers) {
		if !(deviations > 0 && deviations <= 1000) {
			o.fail("WithSuccessRate: deviations: %v is out of range; want above 0, up to 1000", deviations)
			return
		}
		o.within("WithSuccessRate: servers", servers, 1, maxCount)
		o.within("WithSuccessRate: calls", calls, 1, maxCount)
		o.config.SuccessRate = &successRate{int(deviations * 1000), 100, servers, calls}
	}
}

// WithFailures sets the codes that count as failures of a server.
func WithFailures(failures ...codes.Code) OutlierOption {
	return func(o *outliers) {
		if len(failures) == 0 {
			o.fail("WithFailures: pass at least one code")
		}
		for _, code := range failures {
			if code == codes.OK || code > codes.Unauthenticated {
				o.fail("WithFailures: %v is not the code of an error", code)
			}
		}
		o.failures = slices.Clone(failures)
	}
}

// faults are the codes that are by default the fault of a server.
var faults = []codes.Code{codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented,
	codes.Internal, codes.Unavailable, codes.DataLoss}

// maxCount bounds counts of servers and calls.
const maxCount = 1 << 30

// outliers are the settings of a balancer, with their mistakes.
type outliers struct {
	config   detection
	failures []codes.Code
	errs     []error
}

// detection is the configuration of grpc's balancer, as gRFC A50 spells it.
type detection struct {
	Interval        seconds            `json:"interval"`
	EjectionTime    seconds            `json:"baseEjectionTime"`
	MaxEjectionTime seconds            `json:"maxEjectionTime"`
	MaxEjected      int                `json:"maxEjectionPercent"`
	SuccessRate     *successRate       `json:"successRateEjection,omitempty"`
	Failures        *failurePercentage `json:"failurePercentageEjection,omitempty"`
	Child           []client.Balancer  `json:"childPolicy"`
}

type successRate struct {
	Deviations int `json:"stdevFactor"`
	Enforced   int `json:"enforcementPercentage"`
	Servers    int `json:"minimumHosts"`
	Calls      int `json:"requestVolume"`
}

type failurePercentage struct {
	Threshold int `json:"threshold"`
	Enforced  int `json:"enforcementPercentage"`
	Servers   int `json:"minimumHosts"`
	Calls     int `json:"requestVolume"`
}

func (o *outliers) fail(format string, args ...any) {
	o.errs = append(o.errs, fmt.Errorf(format, args...))
}

func (o *outliers) within(setting string, value, least, most int) {
	if value < least || value > most {
		o.fail("%s: %d is out of range; want %d to %d", setting, value, least, most)
	}
}

// MarshalJSON implements [json.Marshaler].
func (o *outliers) MarshalJSON() ([]byte, error) {
	if err := errors.Join(o.errs...); err != nil {
		return nil, err
	}
	detection, err := json.Marshal(o.config)
	if err != nil {
		return nil, err
	}
	return json.Marshal(outlierConfig{Detection: detection, Failures: o.failures})
}

// seconds is a duration as JSON spells those of protobuf: "1.5s".
type seconds time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (s seconds) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%09ds", s/1e9, s%1e9), nil
}
