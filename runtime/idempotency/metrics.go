package idempotency

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// counts are the counters of a method.
type counts struct {
	service, method                                      string
	ran, replayed, inProgress, mismatch, failed, unsaved atomic.Int64
}

// countsOf returns the counters of a method. They are the same each time it is bound.
func (g *Guard) countsOf(info runtime.MethodInfo) *counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.counts[info.FullMethod]
	if c == nil {
		c = &counts{service: info.Service, method: info.Name}
		g.counts[info.FullMethod] = c
	}
	return c
}

// The metrics of a guard.
var (
	descCalls = &metric.Desc{
		Name: metric.IdempotencyCalls, Kind: metric.Counter,
		Labels: []string{
			metric.LabelName, metric.LabelService, metric.LabelMethod, metric.LabelResult,
		},
		Help: "Calls with an idempotency key, by result: new (the method ran), replayed, in_progress " +
			"(another call with the key was running), mismatch (the key had another request), " +
			"unavailable (the store failed or was full).",
	}
	descUnsaved = &metric.Desc{
		Name: metric.IdempotencyUnsaved, Kind: metric.Counter,
		Labels: []string{metric.LabelName, metric.LabelService, metric.LabelMethod},
		Help:   "Successful calls whose response the store did not take: a retry runs again.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{descCalls, descUnsaved}

// Metrics implements [metric.Source].
func (g *Guard) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source]. It reports the methods that were bound.
func (g *Guard) Collect(report metric.Report) {
	for _, c := range g.allCounts() {
		for _, result := range []struct {
			name  string
			count *atomic.Int64
		}{
			{"new", &c.ran}, {"replayed", &c.replayed}, {"in_progress", &c.inProgress},
			{"mismatch", &c.mismatch}, {"unavailable", &c.failed},
		} {
			report(descCalls, float64(result.count.Load()), g.name, c.service, c.method, result.name)
		}
		report(descUnsaved, float64(c.unsaved.Load()), g.name, c.service, c.method)
	}
}

func (g *Guard) allCounts() []*counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.counts))
}
