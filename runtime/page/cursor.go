package page

import (
	"context"
)

// Cursor is the source of items of somebody else who pages them: another service, a search index. Its cursors are sealed into
// our tokens, so that no caller sees them or makes them up.
//
// fetch returns at most limit items from the cursor on, which is empty on the first page, and the cursor of what follows, empty
// at the end. It may return fewer items than limit, or none, with a cursor. More than limit, and the cursor that it was called
// with, are INTERNAL. Where the items have more bytes than a response may, see [MaxBytes], it is called again with the same cursor
// and a lower limit.
func Cursor[T any](fetch func(ctx context.Context, cursor string, limit int) (items []T, next string, err error)) Source[T] {
	return cursor[T](fetch)
}

type cursor[T any] func(ctx context.Context, cursor string, limit int) ([]T, string, error)

func (fetch cursor[T]) page(ctx context.Context, q query) (result[T], error) {
	end := result[T]{total: -1}
	at, err := fetch.begin(q)
	if err != nil {
		return end, err
	}
	for read := (skipped{}); q.skip > 0; { // a cursor cannot be moved but by reading
		if err := read.enough(); err != nil {
			return end, err
		}
		items, next, err := fetch.from(ctx, at, int(min(q.skip, int64(q.most))))
		if err != nil || next == "" {
			return end, err
		}
		read.add(len(items))
		at, q.skip = next, q.skip-int64(len(items))
	}
	items, next, err := fetch.from(ctx, at, q.size)
	if err != nil {
		return end, err
	}
	end.items = items
	if next != "" {
		end.next = append(position{atCursor}, next...)
	}
	return end, nil
}

// cut asks for the page again, as nobody else knows the cursor that is between two items.
func (fetch cursor[T]) cut(ctx context.Context, q query, _ result[T], n int) (result[T], error) {
	q.size = n
	return fetch.page(ctx, q)
}

// begin returns the cursor of a page.
func (fetch cursor[T]) begin(q query) (string, error) {
	if err := q.needsToken(); err != nil {
		return "", misuse("%w", err)
	}
	if q.at == nil {
		return "", nil
	}
	at, err := q.at.of(atCursor)
	return string(at), err
}

// from calls fetch, and sees to it that it comes to an end.
func (fetch cursor[T]) from(ctx context.Context, at string, limit int) ([]T, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	items, next, err := fetch(ctx, at, limit)
	switch {
	case err != nil:
		return nil, "", err
	case len(items) > limit:
		return nil, "", misuse("%d items were returned where at most %d were asked for", len(items), limit)
	case next != "" && next == at:
		return nil, "", misuse("what follows the items is the cursor that was asked for; the list would not end")
	}
	return items, next, nil
}
