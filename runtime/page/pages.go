package page

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/protobuf/proto"
)

// Errors that end [Method.All] and [Method.Pages], in addition to the errors of calls.
var (
	// ErrTokenRepeated reports that the server returned the same page token twice, so its pages
	// would never end. It is returned after at most three times as many pages as there are
	// different ones.
	ErrTokenRepeated = errors.New("the server returned a page token for the second time")
	// ErrMorePages reports that there are more pages than [WithMaxPages] allows.
	ErrMorePages = errors.New("there are more pages")
)

// Page is a page of a list as a client receives it.
type Page[T, Resp any] struct {
	// Items are the items; a page may have none although more follow.
	Items []T
	// NextToken is the token of the next page, for [WithPageToken]; "" on the last page.
	NextToken string
	// Total is the response's number of items on all pages: 0 if it has none.
	Total int64
	// Response is the whole response.
	Response *Resp
}

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

// sizeOf returns the size of a page in bytes.
func sizeOf[T, Resp any](page *Page[T, Resp]) int {
	if page == nil {
		return 0
	}
	return proto.Size(any(page.Response).(proto.Message))
}
