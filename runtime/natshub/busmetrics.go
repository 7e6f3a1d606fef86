package natshub

import "github.com/grpcservice/grpcservice/runtime/metric"

var byName = []string{metric.LabelName}

var descDropped = &metric.Desc{
	Name: metric.NatshubDropped, Kind: metric.Counter, Labels: byName,
	Help: "Messages of rooms that were not sent to other replicas, because NATS was away and the " +
		"buffer of the connection was full.",
}

var _ metric.Source = (*Bus)(nil)

// Metrics implements [metric.Source].
func (b *Bus) Metrics() []*metric.Desc { return []*metric.Desc{descDropped} }

// Collect implements [metric.Source].
func (b *Bus) Collect(report metric.Report) {
	report(descDropped, float64(b.dropped.Load()), b.name)
}
