package redislimit

import "github.com/grpcservice/grpcservice/runtime/metric"

var nameLabel = []string{metric.LabelName}

// The metrics of a limiter.
var (
	descCalls = &metric.Desc{
		Name: metric.RedislimitCalls, Kind: metric.Counter,
		Labels: []string{metric.LabelName, metric.LabelResult},
		Help: "Calls by what decided on them: redis, remembered (rejected without asking Redis), " +
			"or local (the share of this replica, while Redis is away).",
	}
	descFailures = &metric.Desc{
		Name: metric.RedislimitFailures, Kind: metric.Counter, Labels: nameLabel,
		Help: "Requests to Redis that failed or were late.",
	}
	descOutages = &metric.Desc{
		Name: metric.RedislimitOutages, Kind: metric.Counter, Labels: nameLabel,
		Help: "How often Redis went away.",
	}
	descAway = &metric.Desc{
		Name: metric.RedislimitAway, Kind: metric.Gauge, Labels: nameLabel,
		Help: "Whether Redis is away (1) or not (0); with a cluster, for how many methods.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{descCalls, descFailures, descOutages, descAway}

var _ metric.Source = (*Limiter)(nil)

// Metrics implements [metric.Source].
func (l *Limiter) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source] with what [Limiter.Stats] returns.
func (l *Limiter) Collect(report metric.Report) {
	stats := l.Stats()
	report(descCalls, float64(stats.Shared), l.name, "redis")
	report(descCalls, float64(stats.Remembered), l.name, "remembered")
	report(descCalls, float64(stats.Local), l.name, "local")
	report(descFailures, float64(stats.Failures), l.name)
	report(descOutages, float64(stats.Outages), l.name)
	report(descAway, float64(stats.Away), l.name)
}
