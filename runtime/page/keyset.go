package page

import (
	"bytes"
	"context"
	"errors"
	"reflect"
)

// Keyset is the source of rows that are found by what they are ordered by, which is their key. A page begins after the key of the
// last row of the page before, so that rows that come and go meanwhile move no other: no row that stays is missed or seen twice.
//
// rows returns at most limit rows after the key in their order, from the first one where after is nil. limit is one more than
// the page and what the request skips, which tells whether there is another page; it is at most twice the policy's largest page
// and one. Fewer rows than limit end the list, so that what filters them is in rows.
//
// key returns the key of a row: all that the rows are ordered by, ending in what no two rows have in common, such as an id.
// K is a number, a text, bytes, a bool, a [time.Time], what encodes itself as text, a struct whose exported fields are of
// these types, or a pointer to one, nil for NULL; or a [Tuple], where the order is known only when it runs. Times keep their
// nanoseconds: where a database keeps microseconds, take the key from the row that it returned.
func Keyset[T, K any](rows func(ctx context.Context, after *K, limit int) ([]T, error), key func(T) K) Source[T] {
	return keyset[T, K]{rows, key}
}

type keyset[T, K any] struct {
	rows func(ctx context.Context, after *K, limit int) ([]T, error)
	key  func(T) K
}

// keyAt is the key after which rows are asked for, and its position as a token has it; both are nil at the beginning.
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
	for read := (skipped{}); q.skip > int64(q.most); q.skip -= int64(q.most) { // in parts that are no larger than a page
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

// begin returns where a page begins. A key that no token can hold is the service's mistake.
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
	if err := ctx.Err(); err != nil { // rows in memory need not look
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
		err = misuse("the first row has the key after which rows were asked for; compare with > and not with >=, and order by columns that tell all rows apart")
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
