package page

import "context"

// Serve responds to a request with a page of source:
//
//   - The page size is that of the request, at most the policy's maximum, or the policy's default
//     if it is unset. A negative one is INVALID_ARGUMENT, reason PAGE_SIZE_INVALID.
//   - A page token is bound to the method and all other fields of the request. A token with other
//     arguments is INVALID_ARGUMENT, reason PAGE_TOKEN_MISMATCH; an expired one
//     PAGE_TOKEN_EXPIRED; any other text PAGE_TOKEN_INVALID.
//   - The request's number of items to skip counts from the token's position (AIP-158). A negative
//     one is INVALID_ARGUMENT, reason PAGE_SKIP_INVALID.
//   - The response has a token for the next page unless the source knows that there is none.
//   - A page that exceeds the maximum size of a response is cut, see [WithMaxBytes]. A list
//     without tokens cannot be cut: it is RESOURCE_EXHAUSTED, reason PAGE_TOO_LARGE, with the
//     number of items that fit.
//
// A token grants no access: authorization runs for each page, as for each call. Errors of source
// are returned unchanged.
func (m *Method[S, Req, Resp, T]) Serve(ctx context.Context, req *Req, source Source[T], opts ...Option) (*Resp, error) {
	f, err := m.facts()
	if err != nil {
		return nil, err
	}
	s := newServing(ctx, f.shape, m.info, opts)
	q, err := s.open(reflectOf(req))
	if err != nil {
		return nil, err
	}
	found, err := source.page(ctx, q)
	if err != nil {
		return nil, s.fault(err)
	}
	resp, found, err := respond[Resp](f, s, q, source, found)
	if err != nil {
		return nil, s.fault(err)
	}
	if err := s.close(reflectOf(resp), found.next, found.total); err != nil {
		return nil, err
	}
	return resp, nil
}
