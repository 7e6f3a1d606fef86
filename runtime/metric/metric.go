// Package metric describes figures that parts of a service report when an exporter asks for them.
//
// A part that holds state, such as a server or a hub, implements [Source]. Exporters such as
// grpcprom and grpcotel, and the admin page, read sources; the parts need not know them. The names
// of all metrics of this project are constants of this package.
package metric

// Kind is the kind of a metric.
type Kind int

// The kinds of metrics.
const (
	// Counter is a number that only grows, until the process restarts.
	Counter Kind = iota
	// Gauge is a number that grows and shrinks.
	Gauge
	// Timestamp is a time in Unix seconds, such as when a certificate expires. In Prometheus it is a
	// gauge.
	Timestamp
	// Info is always 1: its labels have the information. In Prometheus it is a gauge.
	Info
)

// Desc describes a metric.
type Desc struct {
	// Name is the name in Prometheus, with its unit, and with "_total" for a counter.
	Name string
	// Help is one sentence about the metric.
	Help string
	// Kind is the kind of the metric.
	Kind Kind
	// Labels are the names of its labels.
	Labels []string
}

// Source reports metrics.
//
// Several sources may report the same metric, two hubs for example. [Gather] combines the values of
// series that have the same labels.
type Source interface {
	// Metrics describes all metrics that the source may report. The result does not change, and the
	// caller does not modify it.
	Metrics() []*Desc
	// Collect calls report for each series of the source, with one of the Descs of Metrics and the
	// values of its labels in their order. It returns at once, without waiting for another process,
	// and may be called concurrently. report does not retain labels.
	Collect(report Report)
}

// Report receives the value of a series.
type Report = func(desc *Desc, value float64, labels ...string)

// Sources is a Source that reports what several sources report.
type Sources []Source

// Metrics implements [Source]. A metric that several sources report is listed for each.
func (s Sources) Metrics() (all []*Desc) {
	for _, source := range s {
		all = append(all, source.Metrics()...)
	}
	return all
}

// Collect implements [Source].
func (s Sources) Collect(report Report) {
	for _, source := range s {
		source.Collect(report)
	}
}
