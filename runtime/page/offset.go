package page

import (
	"context"
	"encoding/binary"
	"math"
)

// Offset is the source of rows that are counted. It is for what has no key to order by: rows that come or go while somebody reads
// shift the ones behind, which are then missed or seen twice, and a far offset costs as much as all the rows before it. [Keyset]
// has neither trouble.
//
// rows returns at most limit rows from the offset on, which begins at 0. limit is one more than the page has, which tells whether
// there is another page. The next page begins at the offset of this one and what was served, whatever was asked for.
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

// first returns a page of the first n items, of a source that counts them.
func (r result[T]) first(q query, n int) (result[T], error) {
	from, err := q.offset()
	return result[T]{items: r.items[:n], next: positionOf(from + int64(n)), total: r.total}, err
}

// offset returns where the page begins: as far as an int64 counts.
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
