package page

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/protobuf/proto"
)

// What [Method.All] and [Method.Pages] end with beside the errors of calls.
var (
	// ErrTokenRepeated says that the server returned a token for the second time: its pages would
	// go on for ever. It comes after at most three times as many pages as there are different
	// ones.
	ErrTokenRepeated = errors.New("the server returned a page token for the second time")
	// ErrMorePages says that there are more pages than [MaxPages] allows.
	ErrMorePages = errors.New("there are more pages")
)

// Page is one page of a list as a client gets it.
type Page[T, Resp any] struct {
	// Items are the items, none on a page that the server found nothing for yet.
	Items []T
	// NextToken is the token of the next page, to go on with by [From]; empty on the last page.
	NextToken string
	// Total is the number of items on all pages as the response has it: 0 where it does not say.
	Total int64
	// Response is the whole answer.
	Response *Resp
}

// All ranges over the items of all pages, which svc is asked for as the loop gets to them:
//
//	for user, err := range shopv1service.UserServiceListUsers.All(ctx, users, &shopv1.ListUsersRequest{Filter: "…"}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error is the last thing that the loop gets. A page that is too large to be sent is asked for again with fewer items. The list ends where a page has no token, not where one is empty. req is copied
// when a loop begins, and never changed; its page token, if it has one, says where to begin, and what it skips is skipped once. A
// idempotency key (AIP-155) is a new one on each page but the first.
func (m *Method[S, Req, Resp, T]) All(ctx context.Context, svc S, req *Req, opts ...ReadOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := newReading(opts).limit
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
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

// Pages ranges over pages as [Method.All] does over items.
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

// sizeOf returns how many bytes a page has.
func sizeOf[T, Resp any](page *Page[T, Resp]) int {
	if page == nil {
		return 0
	}
	return proto.Size(any(page.Response).(proto.Message))
}
