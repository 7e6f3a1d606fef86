package grpcprom

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// maxScrapes is the maximum number of concurrent scrapes; further ones receive 503.
const maxScrapes = 8

// Handler returns the handler for /metrics: m, the metrics of the Go runtime and the process, and
// what others gather, such as [prometheus.DefaultGatherer]. Prometheus negotiates the format: text,
// OpenMetrics with exemplars, or protobuf with native histograms.
//
// A series that two of them have is that of the first; the collision is logged once, and the scrape
// goes on. At most 8 scrapes run at a time; further ones receive 503.
func (m *Metrics) Handler(others ...prometheus.Gatherer) http.Handler {
	if m.err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, m.err.Error(), http.StatusInternalServerError)
		})
	}
	registry := prometheus.NewRegistry()
	// Package collectors only calls these two, and links database/sql.
	//lint:ignore SA1019 see above
	program := prometheus.NewGoCollector()
	//lint:ignore SA1019 see above
	process := prometheus.NewProcessCollector(prometheus.ProcessCollectorOpts{})
	registry.MustRegister(undescribed{m}, program, process) // none of them has the names of another
	all := prometheus.Gatherers{registry}
	for _, other := range others {
		if other != nil {
			all = append(all, withoutProcess{other})
		}
	}
	return promhttp.HandlerFor(&tolerant{all, m.log}, promhttp.HandlerOpts{
		EnableOpenMetrics: true, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
	})
}

// undescribed has the metrics of sources that are added later, too.
type undescribed struct{ *Metrics }

// Describe implements [prometheus.Collector].
func (undescribed) Describe(chan<- *prometheus.Desc) {}

// tolerant logs errors of a gatherer once, and returns what could be gathered.
type tolerant struct {
	prometheus.Gatherer
	log *onceLog
}

// Gather implements [prometheus.Gatherer].
func (t *tolerant) Gather() ([]*dto.MetricFamily, error) {
	families, err := t.Gatherer.Gather()
	errs, several := err.(prometheus.MultiError)
	if err != nil && !several {
		errs = prometheus.MultiError{err}
	}
	for _, err := range errs {
		t.log.report(err.Error(), err)
	}
	return families, nil
}

// withoutProcess omits the metrics of the Go runtime and the process, which the handler has.
type withoutProcess struct{ prometheus.Gatherer }

// Gather implements [prometheus.Gatherer].
func (w withoutProcess) Gather() ([]*dto.MetricFamily, error) {
	families, err := w.Gatherer.Gather()
	kept := families[:0:0]
	for _, family := range families {
		if !ofProcess(family.GetName()) {
			kept = append(kept, family)
		}
	}
	return kept, err
}

// ofProcess reports whether a name is reserved for the Go runtime and the process.
func ofProcess(name string) bool {
	return strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
}
