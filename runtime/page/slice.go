package page

import "context"

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
