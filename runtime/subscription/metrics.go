package subscription

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// counts are the counters of a subscription.
type counts struct {
	resumed                   atomic.Int64
	invalid, expired, unknown atomic.Int64 // positions, by reason
}

// reject counts the error of a position.
func (c *counts) reject(err error) {
	switch rpcerr.ReasonOf(err) {
	case ReasonPositionInvalid:
		c.invalid.Add(1)
	case ReasonPositionExpired:
		c.expired.Add(1)
	case ReasonPositionUnknown:
		c.unknown.Add(1)
	}
}

// The metrics of a subscription.
var (
	descStreams = &metric.Desc{
		Name: metric.SubscriptionStreams, Kind: metric.Gauge,
		Labels: []string{metric.LabelService, metric.LabelMethod},
		Help:   "Streams that Serve is sending events to.",
	}
	descResumed = &metric.Desc{
		Name: metric.SubscriptionResumed, Kind: metric.Counter,
		Labels: []string{metric.LabelService, metric.LabelMethod},
		Help:   "Streams that started after the position of a request.",
	}
	descRejected = &metric.Desc{
		Name: metric.SubscriptionRejected, Kind: metric.Counter,
		Labels: []string{metric.LabelService, metric.LabelMethod, metric.LabelReason},
		Help: "Streams that were rejected, or ended because they fell behind, " +
			"for one of the three reasons of positions.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{descStreams, descResumed, descRejected}

// Metrics implements [metric.Source].
func (m *Method[S, Req, Resp]) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source].
func (m *Method[S, Req, Resp]) Collect(report metric.Report) {
	service, method := m.info.Service, m.info.Name
	report(descStreams, float64(m.active.Load()), service, method)
	report(descResumed, float64(m.counts.resumed.Load()), service, method)
	for _, rejected := range []struct {
		reason rpcerr.Reason
		count  *atomic.Int64
	}{
		{ReasonPositionInvalid, &m.counts.invalid}, {ReasonPositionExpired, &m.counts.expired},
		{ReasonPositionUnknown, &m.counts.unknown},
	} {
		report(descRejected, float64(rejected.count.Load()), service, method, rejected.reason.Name())
	}
}
