package grpcprom

import (
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// callDescs describes the metrics of the calls of an end.
type callDescs struct{ started, handled, received, sent, seconds *prometheus.Desc }

// otherDescs describes the other metrics of calls.
type otherDescs struct{ rejected, unknown, attempts *prometheus.Desc }

// describe makes the descriptions of all metrics of calls.
func (m *Metrics) describe() {
	method := []string{metric.LabelType, metric.LabelService, metric.LabelMethod}
	byCode := append(method[:3:3], metric.LabelCode)
	finished := method[:3:3]
	for _, l := range m.labels {
		byCode = append(byCode, l.name)
		finished = append(finished, l.name)
	}
	desc := func(name, help string, labels []string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, m.constLabels)
	}
	m.descs[serverSide] = callDescs{
		desc(metric.ServerStarted, "Calls that the server has received.", method),
		desc(metric.ServerHandled, "Calls that have finished on the server, by code.", byCode),
		desc(metric.ServerReceived, "Requests that the server has received.", method),
		desc(metric.ServerSent, "Responses that the server has sent.", method),
		desc(metric.ServerHandlingSeconds, "Durations of calls that have finished on the server.", finished),
	}
	m.descs[clientSide] = callDescs{
		desc(metric.ClientStarted, "Calls that the client has started.", method),
		desc(metric.ClientHandled, "Calls of the client that have finished, by code.", byCode),
		desc(metric.ClientReceived, "Responses that the client has received.", method),
		desc(metric.ClientSent, "Requests that the client has sent.", method),
		desc(metric.ClientHandlingSeconds, "Durations of calls of the client that have finished.", finished),
	}
	m.others = otherDescs{
		desc(metric.ServerRejected, "Calls that a step of the pipeline has rejected, by reason.",
			[]string{metric.LabelService, metric.LabelMethod, metric.LabelStep, metric.LabelReason}),
		desc(metric.ServerUnknownMethods, "Calls of methods that the server does not have.", nil),
		desc(metric.ClientAttempts, "Retries and hedges: attempts of calls besides the first.", method),
	}
}

// Describe implements [prometheus.Collector]. It describes sources that were added before.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	if m.err != nil {
		descs <- prometheus.NewInvalidDesc(m.err)
		return
	}
	for _, d := range m.descs {
		for _, desc := range []*prometheus.Desc{d.started, d.handled, d.received, d.sent} {
			descs <- desc
		}
		if m.layout != nil {
			descs <- d.seconds
		}
	}
	descs <- m.others.rejected
	descs <- m.others.unknown
	descs <- m.others.attempts
	for _, desc := range m.sourceDescs() {
		descs <- desc
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	if m.err != nil {
		metrics <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(m.err), m.err)
		return
	}
	s := scrape{m, metrics}
	for _, method := range m.bound() {
		s.method(method)
	}
	if m.serves.Load() {
		s.count(m.others.unknown, m.unknown.Load())
	}
	m.collectSources(s)
}

// scrape sends the metrics of a scrape.
type scrape struct {
	metrics *Metrics
	out     chan<- prometheus.Metric
}

// count sends a counter.
func (s scrape) count(desc *prometheus.Desc, n uint64, labels ...string) {
	s.send(desc, prometheus.CounterValue, float64(n), labels...)
}

// send sends a value.
func (s scrape) send(desc *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	var made prometheus.Metric
	var err error
	if kind == prometheus.CounterValue {
		made, err = prometheus.NewConstMetricWithCreatedTimestamp(
			desc, kind, v, s.metrics.created, labels...)
	} else {
		made, err = prometheus.NewConstMetric(desc, kind, v, labels...)
	}
	if err != nil {
		s.metrics.log.report(desc.String(), err)
		return
	}
	s.out <- made
}

// method sends the metrics of a method.
func (s scrape) method(m *method) {
	defer s.metrics.recovered("a call that reports its messages")
	d, labels := s.metrics.descs[m.side], []string{m.kind.String(), m.service, m.name}
	received, sent := m.received.Load(), m.sent.Load()
	if m.live != nil {
		received, sent = m.live.counts()
	}
	s.count(d.received, received, labels...)
	s.count(d.sent, sent, labels...)
	for at := range m.finished {
		s.finished(m, at, m.finished[at].Load())
	}
	s.count(d.started, m.started.Load(), labels...) // after finished: no fewer have started
	if m.side == clientSide {
		s.count(s.metrics.others.attempts, m.attempts.Load(), labels...)
	}
	if counts := m.rejections.counts.Load(); counts != nil {
		for why, n := range *counts {
			s.count(s.metrics.others.rejected, n.Load(), m.service, m.name, why.step, why.reason)
		}
	}
}

// finished sends what is counted of calls that have finished. Combinations of values of
// [WithLabels] appear when they have a call.
func (s scrape) finished(m *method, at int, t *tally) {
	if t == nil && len(m.finished) > 1 {
		return
	}
	labels := appendValues([]string{m.kind.String(), m.service, m.name}, s.metrics.labels, at)
	for code := range numCodes {
		var n uint64
		if t != nil {
			n = t.handled[code].Load()
		}
		if n > 0 || m.expects(code) {
			byCode := append([]string{labels[0], labels[1], labels[2], codes.Code(code).String()}, labels[3:]...)
			s.count(s.metrics.descs[m.side].handled, n, byCode...)
		}
	}
	if l := s.metrics.layout; l != nil {
		h := &histogram{
			desc: s.metrics.descs[m.side].seconds, labels: labels, layout: l,
			created: s.metrics.created,
		}
		h.snapshot(t)
		s.out <- h
	}
}
