package redislimit

import (
	"math"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// longest bounds the time in which a bucket fills: 36 years. The script computes with microseconds
// since 1970, of which Lua's numbers hold 285 years exactly.
const longest = time.Duration(1 << 60)

// bucket is a rate as the scripts compute with it.
type bucket struct {
	interval time.Duration // between calls
	span     time.Duration // in which an empty bucket fills: burst times interval
}

// bucketOf returns the bucket of a rate, with the rounding of [limit.NewRate]. The burst of a rate
// is lower if it would take longer than 36 years to fill.
func bucketOf(rate runtime.Rate) bucket {
	interval := float64(longest)
	if rate.PerSecond > 0 { // which NaN is not
		interval = min(interval, float64(time.Second)/rate.PerSecond)
	}
	b := bucket{interval: max(1, time.Duration(math.Round(interval)))}
	b.span = b.interval * min(time.Duration(max(1, rate.Burst)), math.MaxInt32, longest/b.interval)
	return b
}

// args returns the arguments of the script for a bucket.
func (b bucket) args() []any { return append(split(b.interval), split(b.span)...) }

// split returns a duration as microseconds and the nanoseconds that remain.
func split(d time.Duration) []any { return []any{int64(d / 1000), int64(d % 1000)} }
