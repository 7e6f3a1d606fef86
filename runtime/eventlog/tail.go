package eventlog

// tail is an immutable view of the latest entries of a log. Views share an array: a later one is
// longer, or starts later. Readers take a view for one entry only, so that a reader that is
// blocked in a send keeps no array.
type tail[T any] struct {
	epoch   uint64
	after   uint64 // the sequence number before the first entry
	entries []*Entry[T]
	bytes   int
	// wake is closed when there may be entries after the last. It was taken before the store was
	// read.
	wake <-chan struct{}
}

// tailLimits bounds a tail.
type tailLimits struct{ entries, bytes int }

// exceeded reports whether entries must be dropped; the last one stays.
func (l tailLimits) exceeded(entries, bytes int) bool {
	return entries > l.entries || bytes > l.bytes && entries > 1
}

// last returns the sequence number of the last entry.
func (t *tail[T]) last() uint64 { return t.after + uint64(len(t.entries)) }

// place is where a position is in relation to a tail.
type place int

const (
	beyond place = iota // after the end, or in another incarnation
	older               // before the start
	within              // an entry follows
	atEnd               // at the end
)

func (t *tail[T]) place(p Position) place {
	switch {
	case t == nil || p.Epoch != t.epoch || p.Sequence > t.last():
		return beyond
	case p.Sequence < t.after:
		return older
	case p.Sequence < t.last():
		return within
	}
	return atEnd
}

// next returns the entry after a sequence number that is within t.
func (t *tail[T]) next(sequence uint64) *Entry[T] { return t.entries[sequence-t.after] }

// extend returns a tail with more entries, cut to the limits from the front.
func (t *tail[T]) extend(entries []*Entry[T], wake <-chan struct{}, limits tailLimits) *tail[T] {
	longer := &tail[T]{epoch: t.epoch, after: t.after, bytes: t.bytes, wake: wake}
	longer.entries = append(t.entries, entries...) // only the latest view is extended
	for _, e := range entries {
		longer.bytes += e.size
	}
	drop := 0
	for limits.exceeded(len(longer.entries)-drop, longer.bytes) {
		longer.bytes -= longer.entries[drop].size
		drop++
	}
	longer.cut(drop)
	return longer
}

// without returns a tail without the entries up to a position.
func (t *tail[T]) without(through Position) *tail[T] {
	if through.Epoch != t.epoch || through.Sequence <= t.after {
		return t
	}
	shorter := *t
	drop := int(min(through.Sequence-t.after, uint64(len(t.entries))))
	for _, e := range t.entries[:drop] {
		shorter.bytes -= e.size
	}
	shorter.cut(drop)
	return &shorter
}

func (t *tail[T]) cut(n int) { t.after, t.entries = t.after+uint64(n), t.entries[n:] }
