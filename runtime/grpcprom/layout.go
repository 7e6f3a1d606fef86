package grpcprom

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// The native histograms have 8 buckets to a power of two, from a microsecond to 12 days. Shorter
// durations are in the zero bucket, longer ones in the last.
const (
	nativeSchema = 3
	nativeFirst  = -20 << nativeSchema // the index of the bucket that ends at the zero bucket
	nativeLast   = 20 << nativeSchema
)

// nativeBound returns the upper bound, in seconds, of a bucket of a native histogram.
func nativeBound(index int) float64 {
	return math.Exp2(float64(index) / (1 << nativeSchema))
}

// layout divides durations into cells by the bounds of both histograms, so that one addition counts
// for both and they always agree. A cell has all durations up to its bound, inclusive, that are
// longer than the bound of the cell before; the last one has no bound.
type layout struct {
	classic []float64       // upper bounds of classic buckets, in seconds
	native  bool            // whether there is a native histogram
	bounds  []time.Duration // of cells
	bucket  []uint8         // of each cell: the index of its classic bucket
	index   []int16         // of each cell: the index of its native bucket
	first   [65]uint16      // the first cell of durations with so many bits
}

func newLayout(classic []float64, native bool) *layout {
	l := &layout{classic: classic, native: native}
	for _, bound := range classic {
		l.bounds = append(l.bounds, durationAt(bound))
	}
	if native {
		for i := nativeFirst; i < nativeLast; i++ {
			l.bounds = append(l.bounds, durationAt(nativeBound(i)))
		}
	}
	slices.Sort(l.bounds)
	l.bounds = slices.Compact(l.bounds)
	for cell := range l.cells() {
		l.bucket = append(l.bucket, uint8(l.classicOf(cell)))
		l.index = append(l.index, int16(l.nativeOf(cell)))
	}
	for n := range l.first {
		shortest := uint64(1) << max(n-1, 0)
		l.first[n] = uint16(len(l.bounds))
		if shortest < math.MaxInt64 {
			at, _ := slices.BinarySearch(l.bounds, time.Duration(shortest))
			l.first[n] = uint16(at)
		}
	}
	l.first[0] = 0
	return l
}

// durationAt returns the longest duration that is not longer than seconds.
func durationAt(seconds float64) time.Duration {
	d := time.Duration(min(seconds*1e9, math.MaxInt64/2))
	for (d + 1).Seconds() <= seconds {
		d++
	}
	for d.Seconds() > seconds {
		d--
	}
	return d
}

// cells returns the number of cells.
func (l *layout) cells() int { return len(l.bounds) + 1 }

// classicOf returns the index of the classic bucket of a cell.
func (l *layout) classicOf(cell int) int {
	if cell == len(l.bounds) {
		return len(l.classic)
	}
	bucket := 0
	for bucket < len(l.classic) && durationAt(l.classic[bucket]) < l.bounds[cell] {
		bucket++
	}
	return bucket
}

// nativeOf returns the index of the native bucket of a cell; nativeFirst is the zero bucket.
func (l *layout) nativeOf(cell int) int {
	if !l.native || cell == len(l.bounds) {
		return nativeLast
	}
	index := nativeFirst
	for index < nativeLast && durationAt(nativeBound(index)) < l.bounds[cell] {
		index++
	}
	return index
}

// cell returns the cell of a duration.
func (l *layout) cell(d time.Duration) int {
	d = max(d, 0)
	cell := int(l.first[bits.Len64(uint64(d))])
	for cell < len(l.bounds) && l.bounds[cell] < d {
		cell++
	}
	return cell
}
