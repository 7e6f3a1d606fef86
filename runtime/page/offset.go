package page

import (
	"context"
	"encoding/binary"
	"math"
)

// Offset is the source of rows that are counted. Use it for rows without a key to order by. Rows
// that are added or removed while a client pages shift later rows, which are then missed or
// returned twice, and a large offset costs as much as reading all rows before it. [Keyset] avoids
// both.
//
// rows returns at most limit rows from the offset, which starts at 0. limit is one more than the
// page size, to determine whether another page follows. The next page starts at the offset of
// this one plus the number of items served, whatever size was requested.
func Offset[T any](rows func(ctx context.Context, offset int64, limit int) ([]T, error)) Source[T] {
	return offset[T](rows)
}

type offset[T any] func(ctx context.Context, offset int64, limit int) ([]T, error)

func (rows offset[T]) page(ctx context.Context, q query) (result[T], error) {
	end := result[T]{total: -1}
	from, err := q.offset()
	if err != nil || from == math.MaxInt64 {
		return end, err
	}
	found, err := rows(ctx, from, q.size+1)
	if err != nil {
		return end, err
	}
	if len(found) <= q.size {
		return result[T]{items: found, total: -1}, nil
	}
	return result[T]{items: found[:q.size], next: positionOf(from + int64(q.size)), total: -1}, nil
}

func (rows offset[T]) cut(_ context.Context, q query, found result[T], n int) (result[T], error) {
	return found.first(q, n)
}

// first returns a page of the first n items, from a source that counts items.
func (r result[T]) first(q query, n int) (result[T], error) {
	from, err := q.offset()
	return result[T]{items: r.items[:n], next: positionOf(from + int64(n)), total: r.total}, err
}

// offset returns where the page starts, at most the maximum of an int64.
func (q query) offset() (int64, error) {
	if q.at == nil {
		return q.skip, nil
	}
	text, err := q.at.of(atOffset)
	if err != nil {
		return 0, err
	}
	at, n := binary.Uvarint(text)
	if n != len(text) || at > math.MaxInt64 {
		return 0, errPosition
	}
	return int64(min(at+uint64(q.skip), math.MaxInt64)), nil
}

// positionOf returns the position of an offset.
func positionOf(offset int64) position {
	return binary.AppendUvarint(position{atOffset}, uint64(offset))
}

// Slice is the source of items that are all in memory, for a few hundred items such as a
// configuration. If the response has a total, it is their number. Pages are offsets into the
// slice, as with [Offset].
func Slice[T any](all []T) Source[T] { return slice[T](all) }

type slice[T any] []T

func (all slice[T]) page(_ context.Context, q query) (result[T], error) {
	from, err := q.offset()
	if err != nil {
		return result[T]{}, err
	}
	found := result[T]{total: int64(len(all))}
	rest := all[min(from, int64(len(all))):]
	found.items = rest[:min(len(rest), q.size)]
	if len(rest) > q.size {
		found.next = positionOf(from + int64(q.size))
	}
	return found, nil
}

func (all slice[T]) cut(_ context.Context, q query, found result[T], n int) (result[T], error) {
	return found.first(q, n)
}
