package orca

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// measured returns a reporter at a time, whose process uses a CPU as the test says.
func measured(now time.Time, used *time.Duration, opts ...Option) *reporter {
	r := newReporter(now)
	for _, opt := range opts {
		opt(r)
	}
	r.due.Store(int64(r.period))
	r.cpu = func() (time.Duration, bool) { return *used, true }
	return r
}

func TestFiguresAreThoseOfAPeriod(t *testing.T) {
	var used time.Duration
	start := time.Now()
	r := measured(start, &used, WithNamedUtilization("pool", func() float64 { return 0.25 }),
		WithNamedUtilization("broken", math.NaN), WithUtilization(func() float64 { return -1 }))
	if got := r.ofCall(start.Add(time.Second - 1)); got != nil {
		t.Errorf("a report within the first period: %v", got.report)
	}
	r.calls.Add(40)
	r.failures.Add(10)
	used = time.Second
	got := r.ofCall(start.Add(2 * time.Second))
	if got == nil {
		t.Fatal("no report after the first period")
	}
	if rps, eps := got.report.GetRpsFractional(), got.report.GetEps(); rps != 20 || eps != 5 {
		t.Errorf("%v calls and %v errors per second, want 20 and 5", rps, eps)
	}
	if cpu := got.report.GetCpuUtilization(); !(cpu > 0 && cpu <= 0.5) {
		t.Errorf("CPU utilization %v, want half of one CPU", cpu)
	}
	if own := got.report.GetApplicationUtilization(); own != 0 {
		t.Errorf("a negative utilization is reported as %v", own)
	}
	if named := got.report.GetUtilization(); len(named) != 1 || named["pool"] != 0.25 {
		t.Errorf("named utilizations %v, want only the pool's", named)
	}
	if again := r.ofCall(start.Add(2*time.Second + 1)); again != got {
		t.Error("a new report within the next period")
	}
	r.calls.Add(3)
	if next := r.ofCall(start.Add(3 * time.Second)); next == nil || next.report.GetRpsFractional() != 3 {
		t.Errorf("the next period counts %v calls per second, want 3", next)
	}
}

func TestNoFiguresAfterAPause(t *testing.T) {
	var used time.Duration
	start := time.Now()
	r := measured(start, &used)
	r.calls.Add(1)
	if got := r.ofCall(start.Add(time.Hour)); got != nil {
		t.Errorf("the first call in an hour has the report %v", got.report)
	}
	r.calls.Add(7)
	if got := r.ofCall(start.Add(time.Hour + time.Second)); got == nil || got.report.GetRpsFractional() != 7 {
		t.Errorf("the period after the pause has the report %v, want 7 calls per second", got)
	}
	if got := r.ofStream(start.Add(2 * time.Hour)); got == nil {
		t.Error("a stream has no report after a pause")
	}
}

func TestCapacityIsAUtilization(t *testing.T) {
	var used time.Duration
	start := time.Now()
	r := measured(start, &used, WithCapacity(8))
	r.running.Add(2)
	if got := r.ofCall(start.Add(time.Second)).report.GetApplicationUtilization(); got != 0.25 {
		t.Errorf("2 of 8 calls are a utilization of %v, want 0.25", got)
	}
}

func TestFaultsOfServers(t *testing.T) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		want := strings.Contains(" Unknown DeadlineExceeded Unimplemented Internal Unavailable DataLoss ",
			" "+code.String()+" ")
		if got := isFault(status.Error(code, "")); got != want {
			t.Errorf("%v is a fault of the server: %v, want %v", code, got, want)
		}
	}
	if !isFault(errors.New("plain")) {
		t.Error("an error without a status is no fault of the server")
	}
}

func TestCPUTimeIsKnown(t *testing.T) {
	before, ok := cpuTime()
	if !ok {
		t.Skip("this platform does not report the CPU time of a process")
	}
	for start := time.Now(); time.Since(start) < time.Minute; {
		if after, _ := cpuTime(); after > before {
			return
		}
	}
	t.Error("the CPU time does not grow while the process runs")
}

func TestBadOptionsOfReports(t *testing.T) {
	for want, opt := range map[string]Option{
		"WithPeriod(1ms)":                   WithPeriod(time.Millisecond),
		"WithUtilization(nil)":              WithUtilization(nil),
		"WithCapacity(0)":                   WithCapacity(0),
		`WithNamedUtilization("")`:          WithNamedUtilization("", func() float64 { return 0 }),
		`WithNamedUtilization("a")`:         WithNamedUtilization("a", nil),
		"WithUtilization and WithCapacity":  both(WithCapacity(1), WithUtilization(func() float64 { return 0 })),
		`WithNamedUtilization("b"): the na`: both(named("b"), named("b")),
	} {
		err := server.New(Reports(opt)).Run(context.Background(), "127.0.0.1:0")
		if err == nil || !strings.Contains(err.Error(), "orca.Reports: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: On does not panic", want)
				}
			}()
			server.On(grpc.NewServer(), Reports(opt))
		}()
	}
}

func named(name string) Option { return WithNamedUtilization(name, func() float64 { return 0 }) }

func both(a, b Option) Option { return func(r *reporter) { a(r); b(r) } }
