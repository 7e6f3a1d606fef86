package orca

import (
	"context"
	"sync"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// callLoad is the context of a call, with the figures of the call alone.
type callLoad struct {
	context.Context
	mu      sync.Mutex
	costs   map[string]float64
	metrics map[string]float64
}

type callLoadKey struct{}

// Value implements [context.Context].
func (c *callLoad) Value(key any) any {
	if _, ok := key.(callLoadKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// RecordCost adds a figure to the report of the call that ctx belongs to: what the call cost in the
// unit that name stands for, such as rows or bytes. A later value replaces an earlier one. It does
// nothing outside a call of a server with [Reports], after the call, for an empty name or one that
// is not UTF-8, and for more than [MaxNames] names.
func RecordCost(ctx context.Context, name string, cost float64) {
	if c, ok := ctx.Value(callLoadKey{}).(*callLoad); ok {
		c.record(&c.costs, name, cost)
	}
}

// RecordMetric is [RecordCost] for figures that are not a cost. Clients on xDS pass these on to the
// control plane if it asks for load reports.
func RecordMetric(ctx context.Context, name string, value float64) {
	if c, ok := ctx.Value(callLoadKey{}).(*callLoad); ok {
		c.record(&c.metrics, name, value)
	}
}

func (c *callLoad) record(into *map[string]float64, name string, value float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *into == nil {
		*into = make(map[string]float64)
	}
	if _, known := (*into)[name]; !known && len(*into) == MaxNames || name == "" {
		return
	}
	(*into)[name] = value
}

// trailer returns the trailer with the report of the server and the figures of the call; nil if
// there are neither.
func (c *callLoad) trailer(server *load) metadata.MD {
	var shared metadata.MD
	if server != nil {
		shared = server.trailer
	}
	if c == nil {
		return shared
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.costs) == 0 && len(c.metrics) == 0 {
		return shared
	}
	report := new(orcapb.OrcaLoadReport)
	if server != nil {
		report = proto.CloneOf(server.report)
	}
	report.RequestCost, report.NamedMetrics = c.costs, c.metrics
	encoded, err := proto.Marshal(report)
	if err != nil {
		return shared
	}
	return trailerOf(encoded)
}
