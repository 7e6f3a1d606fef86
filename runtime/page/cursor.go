package page

import (
	"context"
)

// Cursor is the source of items that something else pages: another service, a search index. Its
// cursors are sealed into page tokens, so callers can neither see nor forge them.
//
// fetch returns at most limit items from the cursor, which is "" for the first page, and the
// cursor of what follows, "" at the end. It may return fewer items than limit, or none, with a
// cursor. More items than limit, or the cursor that it was called with, are INTERNAL. If the
// items exceed the maximum size of a response, see [WithMaxBytes], fetch is called again with the
// same cursor and a lower limit.
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
	for read := (skipped{}); q.skip > 0; { // a cursor moves only by reading
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

// cut fetches the page again: only fetch knows the cursor between two items.
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

// from calls fetch, and checks that the list makes progress.
func (fetch cursor[T]) from(ctx context.Context, at string, limit int) ([]T, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	items, next, err := fetch(ctx, at, limit)
	switch {
	case err != nil:
		return nil, "", err
	case len(items) > limit:
		return nil, "", misuse("fetch returned %d items; return at most limit, %d", len(items), limit)
	case next != "" && next == at:
		return nil, "", misuse("fetch returned the cursor that it was called with; the list would never end")
	}
	return items, next, nil
}
