package grpcprom

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// exemplar is a call of a bucket.
type exemplar struct {
	labels []*dto.LabelPair
	value  float64
	at     time.Time
}

// exemplarAge is the age from which a bucket gets another exemplar.
const exemplarAge = time.Second

// maxExemplarRunes is what OpenMetrics allows for all labels of an exemplar.
const maxExemplarRunes = 128

// exemplify makes a call the exemplar of its bucket, unless the bucket has a new one.
func (m *method) exemplify(ctx context.Context, t *tally, cell int, at time.Time, d time.Duration) {
	slot := &t.exemplars[m.metrics.layout.bucket[cell]]
	last := slot.Load()
	if last != nil && at.Sub(last.at) < exemplarAge {
		return
	}
	if labels := m.metrics.exemplarLabels(ctx); len(labels) > 0 {
		slot.CompareAndSwap(last, &exemplar{labels, d.Seconds(), at})
	}
}

// exemplarLabels returns the labels of an exemplar for a context; nil if there is none.
func (m *Metrics) exemplarLabels(ctx context.Context) (pairs []*dto.LabelPair) {
	defer m.recovered("the function of WithExemplars")
	if labels := m.exemplars(ctx); len(labels) > 0 {
		return m.exemplarPairs(labels)
	}
	return nil
}

// exemplarPairs returns labels as OpenMetrics allows them; nil if it does not.
func (m *Metrics) exemplarPairs(labels map[string]string) (pairs []*dto.LabelPair) {
	runes := 0
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := labels[name]
		runes += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		if !validLabel(name) || !utf8.ValidString(value) || runes > maxExemplarRunes {
			m.log.report(fmt.Sprintf("exemplar label %.100q", name), fmt.Errorf(
				"an exemplar was dropped: the label %.100q has an invalid name or value, or all of them "+
					"have more than %d characters", name, maxExemplarRunes))
			return nil
		}
		pairs = append(pairs, &dto.LabelPair{Name: &name, Value: &value})
	}
	return pairs
}

// proto returns the exemplar as it is exposed; nil of a nil exemplar.
func (e *exemplar) proto() *dto.Exemplar {
	if e == nil {
		return nil
	}
	return &dto.Exemplar{Label: e.labels, Value: &e.value, Timestamp: timestamppb.New(e.at)}
}
