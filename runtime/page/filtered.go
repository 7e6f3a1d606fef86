package page

import (
	"context"
)

// Filtered is a source with the items of another one that keep reports, for lists whose callers may
// see some of the items:
//
//	page.Filtered(page.Keyset(rows, key), permission.Keep("orders.get", (*ordersv1.Order).GetName))
//
// keep is called for each page with the items that source returned for it, and again if the page is
// cut to the maximum size of a response. It returns whether the response has each of them. A page
// may therefore have fewer items than the caller requested, or none, and a token for the next page
// (AIP-158): the token continues after the last item that was read. The total of source is not
// sent, because it counts all items; see [WithTotal]. A skip counts all items, too. A list without
// page tokens cannot be filtered.
//
// A source that can read only what the caller may see, such as a query by owner, returns full
// pages and costs less.
func Filtered[T any](
	source Source[T], keep func(ctx context.Context, items []T) ([]bool, error),
) Source[T] {
	return filtered[T]{source, keep}
}

type filtered[T any] struct {
	source Source[T]
	keep   func(ctx context.Context, items []T) ([]bool, error)
}

func (s filtered[T]) page(ctx context.Context, q query) (result[T], error) {
	if err := q.needsToken(); err != nil {
		return result[T]{total: -1}, misuse("%w", err)
	}
	found, err := s.source.page(ctx, q)
	if err != nil {
		return found, err
	}
	return s.filter(ctx, found)
}

// filter removes items from a page, and remembers all of them for a cut.
func (s filtered[T]) filter(ctx context.Context, found result[T]) (result[T], error) {
	found.total = -1
	if len(found.items) == 0 {
		return found, nil
	}
	keep, err := s.keep(ctx, found.items)
	if err != nil {
		return result[T]{total: -1}, err
	}
	if len(keep) != len(found.items) {
		return result[T]{total: -1}, misuse("keep returned %d values for %d items; return one for each",
			len(keep), len(found.items))
	}
	all := found.items
	found.items, found.read, found.at = nil, all, nil
	for i, item := range all {
		if keep[i] {
			found.items, found.at = append(found.items, item), append(found.at, i)
		}
	}
	return found, nil
}

// cut cuts the page of the source after the nth item that was kept.
func (s filtered[T]) cut(ctx context.Context, q query, found result[T], n int) (result[T], error) {
	whole := found
	whole.items = found.read
	cut, err := s.source.cut(ctx, q, whole, found.at[n-1]+1)
	if err != nil {
		return cut, err
	}
	return s.filter(ctx, cut)
}
