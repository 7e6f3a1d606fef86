package grpcotel

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// sourceSet is the sources of a Telemetry with their instruments.
type sourceSet struct {
	meter otelmetric.Meter

	mu           sync.Mutex
	sources      []metric.Source
	instruments  map[string]otelmetric.Float64Observable // by the name in Prometheus
	registration otelmetric.Registration                 // nil without sources
}

// Add adds sources of metrics, such as a server or a hub. They are read when the meter provider
// collects; see [metric.Gather] for several with the same series. An instrument
// has the name that the metric has in Prometheus, without "_total", and its labels as attributes.
// Add returns an error for a nil source, for a metric that two sources describe as different
// kinds, and for one that the meter provider rejects; then it adds none of the sources.
func (t *Telemetry) Add(sources ...metric.Source) error {
	s := &t.sources
	if len(sources) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.sources[:len(s.sources):len(s.sources)], sources...)
	instruments, err := s.describe(all)
	if err != nil {
		return err
	}
	observables := make([]otelmetric.Observable, 0, len(instruments))
	for _, instrument := range instruments {
		observables = append(observables, instrument)
	}
	registration, err := s.meter.RegisterCallback(t.collect(all, instruments), observables...)
	if err != nil {
		return err
	}
	if s.registration != nil {
		err = s.registration.Unregister()
	}
	s.sources, s.instruments, s.registration = all, instruments, registration
	return err
}

// describe returns the instruments of sources: those that exist already, and new ones.
func (s *sourceSet) describe(
	sources []metric.Source,
) (map[string]otelmetric.Float64Observable, error) {
	instruments := map[string]otelmetric.Float64Observable{}
	counters := map[string]bool{}
	for _, source := range sources {
		if isNil(source) {
			return nil, errors.New("a source of metrics is nil")
		}
		for _, desc := range source.Metrics() {
			isCounter := desc.Kind == metric.Counter
			if was, ok := counters[desc.Name]; ok && was != isCounter {
				return nil, fmt.Errorf("%s is a counter in one source and a gauge in another",
					desc.Name)
			}
			counters[desc.Name] = isCounter
			instrument, err := s.instrument(desc)
			if err != nil {
				return nil, err
			}
			instruments[desc.Name] = instrument
		}
	}
	return instruments, nil
}

// instrument returns the instrument of a metric.
func (s *sourceSet) instrument(desc *metric.Desc) (otelmetric.Float64Observable, error) {
	if instrument, ok := s.instruments[desc.Name]; ok {
		return instrument, nil
	}
	if desc.Kind == metric.Counter {
		return s.meter.Float64ObservableCounter(instrumentName(desc.Name),
			otelmetric.WithDescription(desc.Help))
	}
	return s.meter.Float64ObservableGauge(instrumentName(desc.Name),
		otelmetric.WithDescription(desc.Help))
}

// collect returns the callback that reads sources. It reports the first error of sources.
func (t *Telemetry) collect(
	sources []metric.Source, instruments map[string]otelmetric.Float64Observable,
) otelmetric.Callback {
	return func(_ context.Context, observer otelmetric.Observer) error {
		all, err := metric.Gather(sources...)
		for _, series := range all {
			if instrument := instruments[series.Desc.Name]; instrument != nil {
				observer.ObserveFloat64(instrument, series.Value,
					otelmetric.WithAttributes(attributesOf(series)...))
			}
		}
		if err != nil {
			t.report(err)
		}
		return nil
	}
}

// attributesOf returns the labels of a series as attributes.
func attributesOf(series metric.Series) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, len(series.Labels))
	for i, name := range series.Desc.Labels {
		attrs = append(attrs, attribute.String(name, text(series.Labels[i], maxName)))
	}
	return attrs
}
