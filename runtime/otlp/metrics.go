package otlp

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// counts are how many spans ended in which way.
type counts struct {
	sent, failed, dropped atomic.Int64
}

var (
	spansDesc = &metric.Desc{
		Name: metric.OTLPSpans, Kind: metric.Counter, Labels: []string{metric.LabelResult},
		Help: "Spans that were sent to the collector, that it did not accept (failed), or that found " +
			"the queue full (dropped).",
	}
	waitingDesc = &metric.Desc{
		Name: metric.OTLPWaiting, Kind: metric.Gauge,
		Help: "Spans that wait for the collector.",
	}
)

// Metrics implements [metric.Source].
func (e *Exporter) Metrics() []*metric.Desc { return []*metric.Desc{spansDesc, waitingDesc} }

// Collect implements [metric.Source].
func (e *Exporter) Collect(report metric.Report) {
	report(spansDesc, float64(e.counts.sent.Load()), "sent")
	report(spansDesc, float64(e.counts.failed.Load()), "failed")
	report(spansDesc, float64(e.counts.dropped.Load()), "dropped")
	report(waitingDesc, float64(e.waiting.Load()))
}
