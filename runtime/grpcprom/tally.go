package grpcprom

import (
	"math"
	"sync/atomic"
	"time"
)

// tally is what is counted of finished calls that have the same labels, except for their code.
type tally struct {
	handled [numCodes]atomic.Uint64
	seconds atomic.Uint64 // the bits of the sum of durations
	cells   []atomic.Uint64
	// exemplars are those of the classic buckets, or one for a histogram without them; nil without
	// exemplars.
	exemplars []atomic.Pointer[exemplar]
}

func newTally(m *Metrics) *tally {
	t := new(tally)
	if m.layout == nil {
		return t
	}
	t.cells = make([]atomic.Uint64, m.layout.cells())
	if m.exemplars != nil {
		t.exemplars = make([]atomic.Pointer[exemplar], len(m.layout.classic)+1)
	}
	return t
}

// observe counts a duration, whose cell it returns.
func (t *tally) observe(l *layout, d time.Duration) int {
	cell := l.cell(d)
	t.cells[cell].Add(1)
	for seconds := d.Seconds(); ; {
		old := t.seconds.Load()
		sum := math.Float64bits(math.Float64frombits(old) + seconds)
		if t.seconds.CompareAndSwap(old, sum) {
			return cell
		}
	}
}
