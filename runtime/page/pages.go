package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// All ranges over the items of all pages. It calls svc for each page when the loop reaches it:
//
//	for user, err := range shopv1service.UserServiceListUsers.All(ctx, users, &shopv1.ListUsersRequest{Filter: "…"}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error ends the loop. If a page is too large to be sent, All requests it again with fewer
// items. The list ends at a page without a token, not at an empty page. All copies req when a
// loop starts and never modifies it. A page token in req sets the start; the number of items to
// skip applies once. Each page after the first has a new idempotency key (AIP-155).
func (m *Method[S, Req, Resp, T]) All(ctx context.Context, svc S, req *Req, opts ...ReadOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		remaining := newReading(opts).limit
		for page, err := range m.Pages(ctx, svc, req, opts...) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
				if remaining--; remaining == 0 {
					return
				}
			}
		}
	}
}

// Pages ranges over the pages, like [Method.All] over items.
func (m *Method[S, Req, Resp, T]) Pages(ctx context.Context, svc S, req *Req, opts ...ReadOption) iter.Seq2[*Page[T, Resp], error] {
	return func(yield func(*Page[T, Resp], error) bool) {
		r, err := m.newReader(svc, req, newReading(opts))
		if err != nil {
			yield(nil, err)
			return
		}
		pages := r.pages
		if n := r.options.prefetch; n > 0 {
			pages = ahead(n, r.options.ahead, sizeOf[T, Resp], pages)
		}
		pages(ctx)(yield)
	}
}

// ErrMoreItems reports that a list has more items than the maximum of [Collect].
var ErrMoreItems = errors.New("there are more items")

// Collect returns the items of a range over [Method.All], at most max of them: all are in memory
// at once. If there are more, it returns the first max and [ErrMoreItems]. If the range fails, it
// returns the items before the failure and the error.
//
//	users, err := page.Collect(shopv1service.UserServiceListUsers.All(ctx, client, req), 10_000)
func Collect[T any](items iter.Seq2[T, error], max int) ([]T, error) {
	var all []T
	var failure error
	ignored := each.Range(items, func() { slog.Warn(each.LateYield) }, func(item T, err error) bool {
		switch {
		case err != nil:
			failure = err
		case len(all) >= max:
			failure = fmt.Errorf("page: %w than %d", ErrMoreItems, max)
		default:
			all = append(all, item)
		}
		return failure == nil
	})
	return all, cmp.Or(failure, ignored)
}
