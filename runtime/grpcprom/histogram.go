package grpcprom

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// histogram is a classic and a native histogram at the time of a scrape.
type histogram struct {
	desc    *prometheus.Desc
	labels  []string
	layout  *layout
	created time.Time

	cells     []uint64 // nil if no call has finished
	sum       float64
	exemplars []*dto.Exemplar // of classic buckets; nil without exemplars
}

// Desc implements [prometheus.Metric].
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// snapshot reads a tally, which may be nil.
func (h *histogram) snapshot(t *tally) {
	if t == nil {
		return
	}
	h.cells = make([]uint64, len(t.cells))
	for i := range t.cells {
		h.cells[i] = t.cells[i].Load()
	}
	h.sum = math.Float64frombits(t.seconds.Load())
	for i := range t.exemplars {
		h.exemplars = append(h.exemplars, t.exemplars[i].Load().proto())
	}
}

// Write implements [prometheus.Metric].
func (h *histogram) Write(out *dto.Metric) error {
	proto := &dto.Histogram{SampleSum: &h.sum, CreatedTimestamp: timestamppb.New(h.created)}
	h.writeClassic(proto)
	if h.layout.native {
		h.writeNative(proto)
	}
	out.Label = prometheus.MakeLabelPairs(h.desc, h.labels)
	out.Histogram = proto
	return nil
}

// writeClassic writes the count and the classic buckets.
func (h *histogram) writeClassic(out *dto.Histogram) {
	buckets := make([]uint64, len(h.layout.classic)+1)
	for cell, n := range h.cells {
		buckets[h.layout.bucket[cell]] += n
	}
	var total uint64
	for i, n := range buckets {
		total += n
		if i < len(h.layout.classic) {
			out.Bucket = append(out.Bucket, &dto.Bucket{
				UpperBound: &h.layout.classic[i], CumulativeCount: new(total), Exemplar: h.exemplar(i),
			})
		} else if e := h.exemplar(i); e != nil {
			out.Bucket = append(out.Bucket, &dto.Bucket{
				UpperBound: new(math.Inf(1)), CumulativeCount: new(total), Exemplar: e,
			})
		}
	}
	out.SampleCount = &total
}

// exemplar returns the exemplar of a classic bucket, or nil.
func (h *histogram) exemplar(bucket int) *dto.Exemplar {
	if h.exemplars == nil {
		return nil
	}
	return h.exemplars[bucket]
}

// writeNative writes the native histogram.
func (h *histogram) writeNative(out *dto.Histogram) {
	out.Schema = new(int32(nativeSchema))
	out.ZeroThreshold = new(nativeBound(nativeFirst))
	out.ZeroCount = new(uint64(0))
	s := spans{out: out, next: math.MinInt32}
	for cell, n := range h.cells {
		index := int(h.layout.index[cell])
		switch {
		case index == nativeFirst:
			*out.ZeroCount += n
		case n > 0 && index == s.next-1: // of two cells that a classic bound divides
			s.extend(n)
		case n > 0:
			s.add(index, n)
		}
	}
	for _, e := range h.exemplars {
		if e != nil {
			out.Exemplars = append(out.Exemplars, e)
		}
	}
	slices.SortFunc(out.Exemplars, func(a, b *dto.Exemplar) int {
		return a.Timestamp.AsTime().Compare(b.Timestamp.AsTime())
	})
}

// spans encodes the buckets of a native histogram: spans of consecutive buckets, and the difference
// of each bucket to the one before it.
type spans struct {
	out  *dto.Histogram
	next int // index of the bucket after the last one
	last int64
}

// maxGap is the number of empty buckets that cost less than another span.
const maxGap = 2

// add adds the next bucket that is not empty.
func (s *spans) add(index int, n uint64) {
	if len(s.out.PositiveSpan) == 0 || index-s.next > maxGap {
		offset := index
		if len(s.out.PositiveSpan) > 0 {
			offset = index - s.next
		}
		s.out.PositiveSpan = append(s.out.PositiveSpan,
			&dto.BucketSpan{Offset: new(int32(offset)), Length: new(uint32(0))})
		s.next = index
	}
	for ; s.next < index; s.next++ {
		s.append(0)
	}
	s.append(int64(n))
	s.next++
}

func (s *spans) append(n int64) {
	*s.out.PositiveSpan[len(s.out.PositiveSpan)-1].Length++
	s.out.PositiveDelta = append(s.out.PositiveDelta, n-s.last)
	s.last = n
}

// extend adds to the last bucket.
func (s *spans) extend(n uint64) {
	s.out.PositiveDelta[len(s.out.PositiveDelta)-1] += int64(n)
	s.last += int64(n)
}
