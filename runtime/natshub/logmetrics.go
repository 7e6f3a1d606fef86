package natshub

import "github.com/grpcservice/grpcservice/runtime/metric"

var (
	descRetries = &metric.Desc{
		Name: metric.NatshubRetries, Kind: metric.Counter, Labels: byName,
		Help: "Requests to JetStream that were repeated.",
	}
	descStalls = &metric.Desc{
		Name: metric.NatshubStalls, Kind: metric.Counter, Labels: byName,
		Help: "Changes of a log that the watchdog found and NATS had not announced; of a roster, " +
			"how often its view of the bucket stood still and was started again.",
	}
)

var _ metric.Source = (*Log)(nil)

// Metrics implements [metric.Source].
func (l *Log) Metrics() []*metric.Desc { return []*metric.Desc{descRetries, descStalls} }

// Collect implements [metric.Source].
func (l *Log) Collect(report metric.Report) {
	report(descRetries, float64(l.retries.Load()), l.settings.label)
	report(descStalls, float64(l.stalled.Load()), l.settings.label)
}
