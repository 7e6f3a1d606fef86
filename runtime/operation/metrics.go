package operation

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// counts are the counters of a method.
type counts struct {
	service, method    string
	started, conflicts atomic.Int64
	attempts, retries  atomic.Int64
	leasesLost         atomic.Int64
	finished           [codes.Unauthenticated + 1]atomic.Int64 // by code
}

// finish counts an operation that ended with a code.
func (c *counts) finish(code codes.Code) {
	if int(code) >= len(c.finished) {
		code = codes.Unknown
	}
	c.finished[code].Add(1)
}

// countsOf returns the counters of a method.
func (m *Manager) countsOf(fullMethod string) *counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counts[fullMethod]
	if c == nil {
		c = &counts{}
		c.service, c.method = splitMethod(fullMethod)
		m.counts[fullMethod] = c
	}
	return c
}

// splitMethod returns the service and the method of a path.
func splitMethod(fullMethod string) (service, method string) {
	service, method, _ = strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	return service, method
}

// descOf returns the description of a metric of a manager.
func descOf(kind metric.Kind, name, help string, labels ...string) *metric.Desc {
	return &metric.Desc{
		Name: name, Help: help, Kind: kind, Labels: append([]string{metric.LabelName}, labels...),
	}
}

// The metrics of a manager.
var (
	descStarted = descOf(metric.Counter, metric.OperationStarted,
		"Operations that calls have started in this process.",
		metric.LabelService, metric.LabelMethod)
	descConflicts = descOf(metric.Counter, metric.OperationConflicts,
		"Calls that were rejected because another operation had the conflict key.",
		metric.LabelService, metric.LabelMethod)
	descAttempts = descOf(metric.Counter, metric.OperationAttempts,
		"Attempts at operations that this process has started.",
		metric.LabelService, metric.LabelMethod)
	descRetries = descOf(metric.Counter, metric.OperationRetries,
		"Attempts that failed and will be repeated.",
		metric.LabelService, metric.LabelMethod)
	descLeasesLost = descOf(metric.Counter, metric.OperationLeasesLost,
		"Attempts that lost their operation to another worker because their lease had expired.",
		metric.LabelService, metric.LabelMethod)
	descFinished = descOf(metric.Counter, metric.OperationFinished,
		"Operations that ended in this process, by code.",
		metric.LabelService, metric.LabelMethod, metric.LabelCode)
	descRunning = descOf(metric.Gauge, metric.OperationRunning,
		"Attempts that are running in this process.",
		metric.LabelService, metric.LabelMethod)
	descWorkers = descOf(metric.Gauge, metric.OperationWorkers,
		"Attempts that this process runs at most at a time; 0 if it only starts operations.")
	descUnfinished = descOf(metric.Gauge, metric.OperationUnfinished,
		"Operations in the store that are not done, by state: waiting, running, or expired "+
			"if their worker is gone.",
		metric.LabelService, metric.LabelMethod, metric.LabelState)
	descOldest = descOf(metric.Timestamp, metric.OperationOldest,
		"When the oldest of these operations was started, in Unix seconds.",
		metric.LabelService, metric.LabelMethod, metric.LabelState)
)

// descs are all of them.
var descs = []*metric.Desc{
	descStarted, descConflicts, descAttempts, descRetries, descLeasesLost, descFinished,
	descRunning, descWorkers, descUnfinished, descOldest,
}

var _ metric.Source = (*Manager)(nil)

// Metrics implements [metric.Source].
func (m *Manager) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source]. What it reports of the store may be some seconds old: it is
// asked in the background, at most once in 15 seconds and only if Collect is called, and what it
// said last stays if it fails.
func (m *Manager) Collect(report metric.Report) {
	name, workers := m.config.name, m.config.workers
	if m.config.startOnly {
		workers = 0
	}
	report(descWorkers, float64(workers), name)
	all, running := m.snapshot()
	for _, c := range all {
		report(descStarted, float64(c.started.Load()), name, c.service, c.method)
		report(descConflicts, float64(c.conflicts.Load()), name, c.service, c.method)
		report(descAttempts, float64(c.attempts.Load()), name, c.service, c.method)
		report(descRetries, float64(c.retries.Load()), name, c.service, c.method)
		report(descLeasesLost, float64(c.leasesLost.Load()), name, c.service, c.method)
		report(descRunning, float64(running[c]), name, c.service, c.method)
		for code := range c.finished {
			if n := c.finished[code].Load(); n > 0 || code == int(codes.OK) {
				report(descFinished, float64(n), name, c.service, c.method, codes.Code(code).String())
			}
		}
	}
	m.collectUnfinished(report, all)
}

// snapshot returns the counters of all methods, and how many attempts of each are running.
func (m *Manager) snapshot() (all []*counts, running map[*counts]int) {
	for _, method := range m.methods() {
		m.countsOf(method) // so that it is reported before its first operation
	}
	running = make(map[*counts]int)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.running {
		running[a.counts]++
	}
	return slices.Collect(maps.Values(m.counts)), running
}

// collectUnfinished reports what the store has counted, and zeros for the methods that it has no
// operations of.
func (m *Manager) collectUnfinished(report metric.Report, known []*counts) {
	if m.unfinished == nil {
		return
	}
	found, ok := m.unfinished.Get()
	if !ok {
		return
	}
	type series struct {
		service, method string
		phase           Phase
	}
	numbers := make(map[series]int)
	for _, c := range known {
		for _, phase := range []Phase{Waiting, Running, Expired} {
			numbers[series{c.service, c.method, phase}] = 0
		}
	}
	for _, count := range found {
		service, method := splitMethod(count.Method)
		numbers[series{service, method, count.Phase}] = count.Number
		report(descOldest, float64(count.Oldest.UnixMilli())/1000,
			m.config.name, service, method, string(count.Phase))
	}
	for s, n := range numbers {
		report(descUnfinished, float64(n), m.config.name, s.service, s.method, string(s.phase))
	}
}
