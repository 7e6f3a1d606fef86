package metric

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Series is the value of a metric for values of its labels.
type Series struct {
	Desc   *Desc
	Labels []string
	Value  float64
}

// Gather returns what sources report now, in the order in which they report it. Values of the same
// metric with the same labels become one series: counters and gauges are added up, of timestamps
// the earliest counts, and an info stays 1.
//
// The error states which sources panicked, and which reported values that do not fit the
// description of the metric. The series without these are complete.
func Gather(sources ...Source) ([]Series, error) {
	g := gathering{at: make(map[string]int), descs: make(map[string]*Desc)}
	for _, source := range sources {
		g.collect(source)
	}
	return g.series, errors.Join(g.errs...)
}

// gathering is what has been gathered.
type gathering struct {
	series []Series
	at     map[string]int   // of a series, by its metric and labels
	descs  map[string]*Desc // of each metric: those of the first source that reports it
	errs   []error
}

// collect adds what a source reports, or nothing if it panics.
func (g *gathering) collect(source Source) {
	var reported []Series
	defer func() {
		if value := recover(); value != nil {
			g.errs = append(g.errs, fmt.Errorf("%T panicked while it reported metrics: %v", source, value))
			return
		}
		for _, s := range reported {
			g.add(s)
		}
	}()
	source.Collect(func(desc *Desc, value float64, labels ...string) {
		reported = append(reported, Series{desc, slices.Clone(labels), value})
	})
}

// add adds a value to its series.
func (g *gathering) add(s Series) {
	desc, known := g.descs[s.Desc.Name]
	if !known {
		desc = s.Desc
		g.descs[desc.Name] = desc
	}
	if desc.Kind != s.Desc.Kind || !slices.Equal(desc.Labels, s.Desc.Labels) ||
		len(s.Labels) != len(desc.Labels) {
		g.errs = append(g.errs, fmt.Errorf("%s: a source reports the labels %q for %q, want %q",
			desc.Name, s.Labels, s.Desc.Labels, desc.Labels))
		return
	}
	key := desc.Name + "\x00" + strings.Join(s.Labels, "\x00")
	i, known := g.at[key]
	if !known {
		g.at[key] = len(g.series)
		s.Desc = desc
		g.series = append(g.series, s)
		return
	}
	into := &g.series[i]
	into.Value = desc.Kind.combine(into.Value, s.Value)
}

// combine returns the value of a series that two sources report.
func (k Kind) combine(a, b float64) float64 {
	switch k {
	case Timestamp:
		return min(a, b)
	case Info:
		return max(a, b)
	default:
		return a + b
	}
}
