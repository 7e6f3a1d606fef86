package admin

import (
	"math/bits"
	"time"
)

// Buckets of durations: four for each power of two, from a microsecond to two minutes, so that a
// percentile is exact to an eighth.
const (
	firstOctave = 10 // 2^10 ns
	octaves     = 27
	perOctave   = 4
	buckets     = octaves * perOctave
)

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	if d < 1<<firstOctave {
		return 0
	}
	octave := bits.Len64(uint64(d)) - 1
	within := int(uint64(d)>>(octave-2)) & (perOctave - 1)
	return min((octave-firstOctave)*perOctave+within, buckets-1)
}

// middleOf returns the duration in the middle of a bucket.
func middleOf(bucket int) time.Duration {
	octave, within := bucket/perOctave+firstOctave, bucket%perOctave
	return time.Duration(1)<<octave + time.Duration(2*within+1)<<(octave-3)
}

// quantile returns the duration below which a share q of the counted calls took; 0 without calls.
func quantile(counts []uint64, q float64) time.Duration {
	var total uint64
	for _, n := range counts {
		total += n
	}
	rank, seen := uint64(q*float64(total)), uint64(0)
	for i, n := range counts {
		if seen += n; seen > rank {
			return middleOf(i)
		}
	}
	return 0
}
