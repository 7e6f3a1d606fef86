package page

import (
	"bytes"
	"context"
	"errors"
	"reflect"
)

// Keyset is the source of rows that are found by the values that order them: their key. A page
// starts after the key of the previous page's last row. Rows that are added or removed do not
// move others: no row that stays is missed or returned twice.
//
// rows returns at most limit rows after the key in their order, from the first row if after is
// nil. limit is one more than the page and the rows to skip need, to determine whether another
// page follows; it is at most twice the policy's maximum page size plus one. Fewer rows than
// limit end the list, so apply filters inside rows.
//
// key returns the key of a row: all values that order the rows, ending with a unique one such as
// an ID. K is a number, string, []byte, bool, [time.Time], a type that encodes itself as text, a
// struct whose exported fields have these types, or a pointer to one of them, nil for NULL. If
// the order is known only at run time, use a [Tuple]. Times keep their nanoseconds: if a database
// stores microseconds, take the key from the row that the database returned.
func Keyset[T, K any](rows func(ctx context.Context, after *K, limit int) ([]T, error), key func(T) K) Source[T] {
	return keyset[T, K]{rows, key}
}

type keyset[T, K any] struct {
	rows func(ctx context.Context, after *K, limit int) ([]T, error)
	key  func(T) K
}

// keyAt is a key, and the position of it that a token holds. Both are nil at the start of the
// list.
type keyAt[K any] struct {
	key      *K
	position position
}

func (s keyset[T, K]) page(ctx context.Context, q query) (result[T], error) {
	end := result[T]{total: -1}
	r, at, err := s.begin(q)
	if err != nil {
		return end, err
	}
	for read := (skipped{}); q.skip > int64(q.most); q.skip -= int64(q.most) { // in parts no larger than a page
		if err := read.enough(); err != nil {
			return end, err
		}
		rows, err := r.fetch(ctx, at, q.most)
		read.add(len(rows))
		if err != nil || len(rows) < q.most {
			return end, err
		}
		if at, err = r.keyOf(rows[len(rows)-1]); err != nil {
			return end, err
		}
	}
	rows, err := r.fetch(ctx, at, int(q.skip)+q.size+1)
	if err != nil {
		return end, err
	}
	end.items = rows[min(int(q.skip), len(rows)):]
	if len(end.items) <= q.size {
		return end, nil
	}
	end.items = end.items[:q.size]
	last, err := r.keyOf(end.items[q.size-1])
	return result[T]{items: end.items, next: last.position, total: -1}, err
}

func (s keyset[T, K]) cut(_ context.Context, q query, found result[T], n int) (result[T], error) {
	r, _, err := s.begin(q)
	if err != nil {
		return found, err
	}
	last, err := r.keyOf(found.items[n-1])
	return result[T]{items: found.items[:n], next: last.position, total: -1}, err
}

// keyReader is a keyset with the codec of its keys.
type keyReader[T, K any] struct {
	keyset[T, K]
	codec
}

// begin returns where a page starts. A key type that tokens cannot hold is a mistake of the
// service.
func (s keyset[T, K]) begin(q query) (r keyReader[T, K], at keyAt[K], err error) {
	codec, err := q.codecs.of(reflect.TypeFor[K]())
	if err := errors.Join(err, q.needsToken()); err != nil {
		return r, at, misuse("%w", err)
	}
	r = keyReader[T, K]{s, codec}
	if q.at == nil {
		return r, at, nil
	}
	text, err := q.at.of(atKey)
	if err != nil {
		return r, at, err
	}
	at = keyAt[K]{new(K), q.at}
	rest, err := codec.parse(text, reflect.ValueOf(at.key).Elem())
	if err != nil || len(rest) > 0 {
		return r, at, errPosition
	}
	return r, at, nil
}

// fetch returns at most limit rows after a key.
func (r keyReader[T, K]) fetch(ctx context.Context, after keyAt[K], limit int) ([]T, error) {
	if err := ctx.Err(); err != nil { // rows may ignore ctx
		return nil, err
	}
	rows, err := r.rows(ctx, after.key, limit)
	if err != nil {
		return nil, err
	}
	rows = rows[:min(len(rows), limit)]
	if len(rows) == 0 || after.key == nil {
		return rows, nil
	}
	first, err := r.keyOf(rows[0])
	if err == nil && bytes.Equal(first.position, after.position) {
		err = misuse("the first row has the key passed as after; compare with > instead of >=, and end the order with a unique column")
	}
	return rows, err
}

// keyOf returns the key of a row.
func (r keyReader[T, K]) keyOf(row T) (at keyAt[K], err error) {
	key := r.key(row)
	at.key = &key
	if at.position, err = r.append(position{atKey}, reflect.ValueOf(&key).Elem()); err != nil {
		return at, misuse("%w", err)
	}
	return at, nil
}
