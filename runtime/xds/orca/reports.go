package orca

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	// DefaultPeriod is the period over which a server measures its load.
	DefaultPeriod = time.Second
	// MinPeriod is the shortest period of [WithPeriod].
	MinPeriod = 100 * time.Millisecond
	// MaxNames is how many names of utilizations, and of figures of one call, a report has at most.
	MaxNames = 32
)

// Option configures [Reports].
type Option func(*reporter)

// Reports makes a server report its load: in the trailer of each call, and on the streams of the
// service xds.service.orca.v3.OpenRcaService, which it registers. Pass the same option to several
// servers of one process to add up their calls.
//
// A report has the CPU time that the process used, as a fraction of what GOMAXPROCS allows, so in a
// container of its CPU limit; the calls that finished per second; and those of them that failed by
// a fault of the server: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and
// DATA_LOSS. Calls of the health, reflection and load report services do not count. Figures are
// those of the last full period; see [WithPeriod]. After a pause of ten periods without calls, the
// first call has no report.
//
// The streams need no authentication, as the health service does not: a client opens them without
// a call. They end when the server drains. A policy of server.WithPolicy for
// "xds.service.orca.v3.OpenRcaService/*" overrides that.
func Reports(opts ...Option) server.Option {
	r := newReporter(time.Now())
	for _, opt := range opts {
		opt(r)
	}
	if err := errors.Join(r.errs...); err != nil {
		return server.WithError(fmt.Errorf("orca.Reports: %w", err))
	}
	r.due.Store(int64(r.period))
	return server.WithOptions(server.WithObservers(r), server.WithService[service](table, r))
}

// WithPeriod sets the period over which a server measures its load, instead of [DefaultPeriod]; at
// least [MinPeriod].
func WithPeriod(period time.Duration) Option {
	return func(r *reporter) {
		if period < MinPeriod {
			r.fail("WithPeriod(%v): pass at least %v", period, MinPeriod)
			return
		}
		r.period = period
	}
}

// WithUtilization reports what utilization returns as the application's utilization, which clients
// prefer to that of the CPU: 0 for an idle server, 1 for one that has reached its limit, and more
// beyond. It is called at most once in a period, by the goroutine of a call. Negative values and NaN
// are omitted.
func WithUtilization(utilization func() float64) Option {
	return func(r *reporter) {
		if utilization == nil {
			r.fail("WithUtilization(nil): pass a function")
			return
		}
		r.setUtilization("WithUtilization", func(int64) float64 { return utilization() })
	}
}

// WithCapacity reports the running calls divided by calls as the application's utilization: for
// servers whose calls wait for others rather than for a CPU. Streams count as long as they are
// open.
func WithCapacity(calls int) Option {
	return func(r *reporter) {
		if calls < 1 {
			r.fail("WithCapacity(%d): pass the number of calls that a server can run at a time", calls)
			return
		}
		r.setUtilization("WithCapacity", func(running int64) float64 {
			return float64(running) / float64(calls)
		})
	}
}

// WithNamedUtilization reports what utilization returns under a name, such as that of a pool of
// connections: a fraction from 0 to 1. Values outside are omitted. It is called as that of
// [WithUtilization].
func WithNamedUtilization(name string, utilization func() float64) Option {
	return func(r *reporter) {
		switch _, taken := r.named[name]; {
		case name == "" || utilization == nil:
			r.fail("WithNamedUtilization(%q): pass a name and a function", name)
		case taken:
			r.fail("WithNamedUtilization(%q): the name is used twice", name)
		case len(r.named) == MaxNames:
			r.fail("WithNamedUtilization(%q): a report has at most %d names", name, MaxNames)
		default:
			r.named[name] = utilization
		}
	}
}

// reporter observes the calls of servers and reports their load.
type reporter struct {
	window
	errs []error
}

func newReporter(now time.Time) *reporter {
	return &reporter{window: window{
		period: DefaultPeriod,
		named:  make(map[string]func() float64),
		cpu:    cpuTime,
		start:  now,
		since:  now,
	}}
}

func (r *reporter) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

func (r *reporter) setUtilization(option string, utilization func(running int64) float64) {
	if r.utilization != nil {
		r.fail("%s: WithUtilization and WithCapacity set the same figure; choose one", option)
	}
	r.utilization = utilization
}

// Bind implements [runtime.Observer].
func (r *reporter) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	if strings.HasPrefix(info.Service, "grpc.health.") ||
		strings.HasPrefix(info.Service, "grpc.reflection.") || info.Service == serviceName {
		return nil
	}
	return r
}

// Begin implements [runtime.MethodObserver].
func (r *reporter) Begin(ctx context.Context, _ runtime.Call) context.Context {
	r.running.Add(1)
	return &callLoad{Context: ctx}
}

// End implements [runtime.MethodObserver].
func (r *reporter) End(ctx context.Context, call runtime.Call, outcome runtime.Outcome) {
	defer r.running.Add(-1)
	r.calls.Add(1)
	if isFault(outcome.Err) {
		r.failures.Add(1)
	}
	current := r.ofCall(call.Start().Add(outcome.Duration))
	own, _ := ctx.Value(callLoadKey{}).(*callLoad)
	trailer := own.trailer(current)
	if stream := grpc.ServerTransportStreamFromContext(ctx); stream != nil && trailer != nil {
		_ = stream.SetTrailer(trailer) // fails if the client has the status already
	}
}

// isFault reports whether a call failed by a fault of the server.
func isFault(err error) bool {
	switch status.Code(err) {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal,
		codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

// trailerKey is the key of the trailer that has a load report.
const trailerKey = "endpoint-load-metrics-bin"

func trailerOf(encoded []byte) metadata.MD { return metadata.MD{trailerKey: {string(encoded)}} }
