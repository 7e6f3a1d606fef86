package grpcprom

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Add adds sources, which are read at each scrape: the figures of servers, rooms and other parts.
// A source that is added twice counts once. Add server.Sources when all services are registered.
//
// A source that panics, or that reports what it does not describe or what another metric with the
// same name contradicts, is logged once; the scrape goes on without these figures.
func (m *Metrics) Add(sources ...metric.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(sources)
}

func (m *Metrics) add(sources []metric.Source) {
	for _, added := range sources {
		if several, ok := added.(metric.Sources); ok {
			m.add(several)
			continue
		}
		if added == nil || slices.ContainsFunc(m.sources, func(s *source) bool { return same(s.Source, added) }) {
			continue
		}
		m.sources = append(m.sources, &source{added, m})
	}
}

// same reports whether two sources are one.
func same(a, b metric.Source) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// source is a source that reports only what Prometheus accepts.
type source struct {
	metric.Source
	metrics *Metrics
}

// sourceDesc is a metric of sources.
type sourceDesc struct {
	*metric.Desc
	prometheus *prometheus.Desc
	err        error
}

// Collect implements [metric.Source]. A source that panics reports nothing.
func (s *source) Collect(report metric.Report) {
	defer s.metrics.recovered(fmt.Sprintf("source %T", s.Source))
	type series struct {
		desc   *metric.Desc
		value  float64
		labels []string
	}
	var all []series
	s.Source.Collect(func(desc *metric.Desc, value float64, labels ...string) {
		known := s.metrics.sourceDesc(desc)
		err := known.fits(desc, labels)
		if err != nil {
			s.metrics.log.report(err.Error(), fmt.Errorf("source %T: %w", s.Source, err))
			return
		}
		clean := make([]string, len(labels))
		for i := range labels {
			clean[i] = strings.ToValidUTF8(labels[i], "\uFFFD")
		}
		all = append(all, series{known.Desc, value, clean})
	})
	for _, one := range all {
		report(one.desc, one.value, one.labels...)
	}
}

// sourceDesc returns the description of a metric: that of the first source that has it.
func (m *Metrics) sourceDesc(desc *metric.Desc) *sourceDesc {
	if desc == nil {
		return &sourceDesc{err: fmt.Errorf("it reports a value without a description")}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[desc.Name]
	if !ok {
		known = m.newSourceDesc(desc)
		m.known[desc.Name] = known
	}
	return known
}

// newSourceDesc checks a description. What a version of Prometheus does not accept would fail the
// whole scrape.
func (m *Metrics) newSourceDesc(desc *metric.Desc) *sourceDesc {
	made := &sourceDesc{Desc: desc}
	if !validName(desc.Name, true) {
		made.err = fmt.Errorf("%.100q is no name of a metric", desc.Name)
		return made
	}
	if ofProcess(desc.Name) || ownName(desc.Name) {
		made.err = fmt.Errorf("the name %s is reserved", desc.Name)
		return made
	}
	for i, name := range desc.Labels {
		_, taken := m.constLabels[name]
		if !validLabel(name) || taken || name == "le" || slices.Contains(desc.Labels[:i], name) {
			made.err = fmt.Errorf("%s: the label %.100q is invalid or repeated", desc.Name, name)
			return made
		}
	}
	made.prometheus = prometheus.NewDesc(desc.Name, strings.ToValidUTF8(desc.Help, "\uFFFD"),
		desc.Labels, m.constLabels)
	return made
}

// ownName reports whether a name is that of a metric of calls, or of a series of one.
func ownName(name string) bool {
	for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
		base := strings.TrimSuffix(name, suffix)
		if suffix != "" && base == name {
			continue
		}
		if slices.Contains(callNames, base) {
			return true
		}
	}
	return false
}

// callNames are the names of the metrics of calls.
var callNames = []string{
	metric.ServerStarted, metric.ServerHandled, metric.ServerReceived, metric.ServerSent,
	metric.ServerHandlingSeconds,
	metric.ClientStarted, metric.ClientHandled, metric.ClientReceived, metric.ClientSent,
	metric.ClientHandlingSeconds,
	metric.ServerRejected, metric.ServerUnknownMethods, metric.ClientAttempts,
}

// fits checks a description and labels that a source reports.
func (d *sourceDesc) fits(desc *metric.Desc, labels []string) error {
	switch {
	case d.err != nil:
		return d.err
	case d.Kind != desc.Kind || !slices.Equal(d.Labels, desc.Labels):
		return fmt.Errorf("%s: two sources describe it differently, with the labels %q and %q",
			d.Name, d.Labels, desc.Labels)
	case len(labels) != len(d.Labels):
		return fmt.Errorf("%s: it reports %d labels, want %q", d.Name, len(labels), d.Labels)
	}
	return nil
}

// added returns the sources.
func (m *Metrics) added() (all []metric.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		all = append(all, s)
	}
	return all
}

// sourceDescs returns the descriptions of the metrics of all sources.
func (m *Metrics) sourceDescs() (descs []*prometheus.Desc) {
	seen := make(map[string]bool)
	for _, s := range m.added() {
		for _, desc := range m.described(s.(*source)) {
			known := m.sourceDesc(desc)
			if known.err != nil || seen[desc.Name] {
				continue
			}
			seen[desc.Name] = true
			descs = append(descs, known.prometheus)
		}
	}
	return descs
}

// described returns what a source describes; nothing if it panics.
func (m *Metrics) described(s *source) []*metric.Desc {
	defer m.recovered(fmt.Sprintf("source %T", s.Source))
	return s.Source.Metrics()
}

// collectSources sends what the sources report.
func (m *Metrics) collectSources(s scrape) {
	series, err := metric.Gather(m.added()...)
	if err != nil {
		m.log.report(err.Error(), err)
	}
	for _, one := range series {
		kind := prometheus.GaugeValue
		if one.Desc.Kind == metric.Counter {
			kind = prometheus.CounterValue
		}
		s.send(m.sourceDesc(one.Desc).prometheus, kind, one.Value, one.Labels...)
	}
}
