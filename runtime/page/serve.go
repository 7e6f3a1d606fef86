package page

import (
	"context"
	"encoding/base64"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

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
	q, err := s.readQuery(reflectOf(req))
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

// respond returns the response with the items of a page, and the page, which is cut if it exceeds
// the maximum size of a response.
func respond[Resp, T any](f *facts[T], s *serving, q query, source Source[T], found result[T]) (*Resp, result[T], error) {
	for {
		resp := new(Resp)
		if err := f.fill(reflectOf(resp), found.items); err != nil {
			return nil, found, misuse("%s: %w", s.method, err)
		}
		bytes, tail := proto.Size(any(resp).(proto.Message)), tailSize(found.next)
		if bytes+tail <= s.options.maxBytes || len(found.items) <= 1 {
			return resp, found, nil
		}
		n, err := f.fitting(reflectOf(new(Resp)), found.items, s.options.maxBytes-tail)
		if err != nil {
			return nil, found, misuse("%s: %w", s.method, err)
		}
		if q.counted {
			return nil, found, tooLarge(s.names, len(found.items), bytes, n)
		}
		if found, err = source.cut(s.ctx, q, found, n); err != nil {
			return nil, found, err
		}
	}
}

// fill adds items to a response that has none.
func (f *facts[T]) fill(resp protoreflect.Message, items []T) error {
	if len(items) == 0 {
		return nil
	}
	return f.put(fieldpath.Holder(f.items, resp), items)
}

// fitting returns how many of the first items fit into a response: at least 1, but not all.
func (f *facts[T]) fitting(scratch protoreflect.Message, items []T, room int) (int, error) {
	for i := range items[:len(items)-1] {
		if err := f.fill(scratch, items[i:i+1]); err != nil {
			return 0, err
		}
		if room -= proto.Size(scratch.Interface()); room < 0 {
			return max(i, 1), nil
		}
		proto.Reset(scratch.Interface())
	}
	return len(items) - 1, nil
}

// tailSize returns an upper bound for the size of the fields after the items: the token for a
// position, and the total.
func tailSize(next position) int {
	const sealed, fields = 64, 64 // overhead of a token around a position, and of these fields around their values
	return fields + base64.RawURLEncoding.EncodedLen(sealed+len(next))
}
