package orca

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// idlePeriods is after how many periods without a call figures over the whole time mean nothing.
const idlePeriods = 10

// window measures the load of each period, when a call finishes after it.
type window struct {
	period      time.Duration
	utilization func(running int64) float64 // of the application; nil without
	named       map[string]func() float64
	cpu         func() (used time.Duration, ok bool)
	start       time.Time

	running, calls, failures atomic.Int64

	latest atomic.Pointer[load]
	due    atomic.Int64 // when the period is over, in nanoseconds since start

	mu    sync.Mutex // held to start a period
	since time.Time  // when the period started
	base  counts
}

// counts are what has been counted at the start of a period.
type counts struct {
	calls, failures int64
	cpu             time.Duration
}

// load is the report of a period.
type load struct {
	report  *orcapb.OrcaLoadReport
	trailer metadata.MD
}

// ofCall returns the report for a call that finishes now, or nil.
func (w *window) ofCall(now time.Time) *load {
	if int64(now.Sub(w.start)) >= w.due.Load() && w.mu.TryLock() {
		defer w.mu.Unlock()
		w.turn(now, idlePeriods*w.period)
	}
	return w.latest.Load()
}

// ofStream returns the report for a stream, or nil in the first period.
func (w *window) ofStream(now time.Time) *load {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn(now, math.MaxInt64)
	return w.latest.Load()
}

// turn starts a new period if the current one is over. One that took longer than most has no
// report. w.mu is locked.
func (w *window) turn(now time.Time, most time.Duration) {
	took := now.Sub(w.since)
	if took < w.period {
		return
	}
	defer w.due.Store(int64(now.Sub(w.start) + w.period))
	counted := counts{calls: w.calls.Load(), failures: w.failures.Load()}
	used, ok := w.cpu()
	counted.cpu = used
	before := w.base
	w.since, w.base = now, counted
	w.latest.Store(nil)
	if took > most {
		return
	}
	report := &orcapb.OrcaLoadReport{
		RpsFractional: float64(counted.calls-before.calls) / took.Seconds(),
		Eps:           float64(counted.failures-before.failures) / took.Seconds(),
	}
	if ok {
		report.CpuUtilization = (used - before.cpu).Seconds() /
			(took.Seconds() * float64(runtime.GOMAXPROCS(0)))
	}
	w.addOwn(report)
	encoded, err := proto.Marshal(report)
	if err != nil { // a name that is not UTF-8
		return
	}
	w.latest.Store(&load{report, trailerOf(encoded)})
}

// addOwn adds what the application measures.
func (w *window) addOwn(report *orcapb.OrcaLoadReport) {
	if w.utilization != nil {
		if value := w.utilization(w.running.Load()); value >= 0 && !math.IsInf(value, 1) {
			report.ApplicationUtilization = value
		}
	}
	for name, utilization := range w.named {
		value := utilization()
		if !(value >= 0 && value <= 1) {
			continue
		}
		if report.Utilization == nil {
			report.Utilization = make(map[string]float64)
		}
		report.Utilization[name] = value
	}
}
