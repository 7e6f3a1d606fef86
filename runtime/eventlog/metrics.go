package eventlog

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

var byName = []string{metric.LabelName}

// The metrics of a log.
var (
	descAppended = &metric.Desc{
		Name: metric.EventlogAppended, Kind: metric.Counter, Labels: byName,
		Help: "Entries that this process has appended.",
	}
	descTailEntries = &metric.Desc{
		Name: metric.EventlogTailEntries, Kind: metric.Gauge, Labels: byName,
		Help: "Latest entries in the memory of this process, which all readers share.",
	}
	descTailBytes = &metric.Desc{
		Name: metric.EventlogTailBytes, Kind: metric.Gauge, Labels: byName,
		Help: "Encoded bytes of these entries.",
	}
	descEntries = &metric.Desc{
		Name: metric.EventlogEntries, Kind: metric.Gauge, Labels: byName,
		Help: "Entries in the store.",
	}
	descTrimmed = &metric.Desc{
		Name: metric.EventlogTrimmed, Kind: metric.Counter, Labels: byName,
		Help: "Entries that the store has removed since the start of the log.",
	}
	descBytes = &metric.Desc{
		Name: metric.EventlogBytes, Kind: metric.Gauge, Labels: byName,
		Help: "Bytes of the entries in the store, if it knows them.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{
	descAppended, descTailEntries, descTailBytes, descEntries, descTrimmed, descBytes,
}

// Metrics implements [metric.Source].
func (l *Log[T]) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source]. What it reports of the store may be some seconds old: it is
// asked in the background, at most once in 15 seconds and only if Collect is called, and what it
// said last stays if it fails.
func (l *Log[T]) Collect(report metric.Report) {
	report(descAppended, float64(l.appended.Load()), l.name)
	entries, bytes := 0, 0
	if t := l.tail.Load(); t != nil {
		entries, bytes = len(t.entries), t.bytes
	}
	report(descTailEntries, float64(entries), l.name)
	report(descTailBytes, float64(bytes), l.name)
	held, ok := l.held.Get()
	if !ok {
		return
	}
	report(descEntries, float64(held.bounds.Last-held.bounds.Earliest().Sequence), l.name)
	report(descTrimmed, float64(held.bounds.Earliest().Sequence), l.name)
	if held.sized {
		report(descBytes, float64(held.bytes), l.name)
	}
}

// holding is what a store holds.
type holding struct {
	bounds Bounds
	bytes  int64
	sized  bool // whether the store knows its bytes
}

// holdingOf returns a function that asks a store what it holds.
func holdingOf(store Store) func(context.Context) (holding, error) {
	return func(ctx context.Context) (h holding, err error) {
		if h.bounds, err = store.Bounds(ctx); err != nil {
			return h, err
		}
		if sized, ok := store.(SizedStore); ok {
			h.bytes, err = sized.Size(ctx)
			h.sized = true
		}
		return h, err
	}
}
