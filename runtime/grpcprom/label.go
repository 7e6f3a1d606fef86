package grpcprom

import (
	"context"
	"slices"
)

// label is a label with a closed list of values.
type label struct {
	name   string
	values []string // ends with other
	value  func(context.Context) string
}

// other is the value of values that are not listed.
const other = "other"

// maxCombinations is the maximum number of combinations of values.
const maxCombinations = 1000

func newLabel(name string, values []string, value func(context.Context) string) label {
	l := label{name: name, value: value}
	for _, v := range values {
		if v != other && !slices.Contains(l.values, v) {
			l.values = append(l.values, v)
		}
	}
	l.values = append(l.values, other)
	return l
}

// combinations returns the number of combinations of values of labels.
func combinations(labels []label) int {
	n := 1
	for _, l := range labels {
		n = min(n*len(l.values), 1<<30)
	}
	return n
}

// combination returns the index of the values of labels for a context.
func combination(m *Metrics, ctx context.Context) int {
	at := 0
	for i := range m.labels {
		l := &m.labels[i]
		at = at*len(l.values) + l.index(m, ctx)
	}
	return at
}

// index returns the index of the value for a context.
func (l *label) index(m *Metrics, ctx context.Context) (at int) {
	at = len(l.values) - 1
	defer m.recovered("the function of WithLabels")
	if found := slices.Index(l.values, l.value(ctx)); found >= 0 {
		at = found
	}
	return at
}

// appendValues appends the values of a combination to those of other labels.
func appendValues(into []string, labels []label, at int) []string {
	from := len(into)
	into = append(into, make([]string, len(labels))...)
	for i := len(labels) - 1; i >= 0; i-- {
		n := len(labels[i].values)
		into[from+i] = labels[i].values[at%n]
		at /= n
	}
	return into
}
