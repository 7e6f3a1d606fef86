package page

import "context"

// Serve answers a request with the page of source that it asks for:
//
//   - the page size is the request's, at most the policy's highest; without one it is the policy's default; a negative one is
//     INVALID_ARGUMENT, reason PAGE_SIZE_INVALID;
//   - a page token is bound to all other fields of the request, and to the method: one that comes with other arguments is
//     INVALID_ARGUMENT, reason PAGE_TOKEN_MISMATCH, one that is too old PAGE_TOKEN_EXPIRED, any other text PAGE_TOKEN_INVALID;
//   - the request's number of items to leave out counts from where the token stands (AIP-158); a negative one is
//     INVALID_ARGUMENT, reason PAGE_SKIP_INVALID;
//   - the response has a token for the next page unless it is known that there is none;
//   - a response has no more bytes than clients take, see [MaxBytes]: the page is cut. A page of a list without tokens cannot
//     be, and is RESOURCE_EXHAUSTED, reason PAGE_TOO_LARGE, with how many items there is room for.
//
// A token is no permission: who may call is asked for each page, as for each call. An error of source is returned as it is.
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
