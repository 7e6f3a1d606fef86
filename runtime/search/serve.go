package search

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// serving is one call of [Method.Serve].
type serving[T any] struct {
	*facts[T]
	ctx    context.Context
	method string
	limits policy.Search
	most   int64 // results; 0 is no limit
}

// Serve streams results:
//
//   - At most as many as the limit of the request, or as the policy's maximum, which applies if the
//     request has no limit or a higher one. results is not asked for more. A negative limit is
//     INVALID_ARGUMENT, reason SEARCH_LIMIT_INVALID, with the field.
//   - If responses have a list, a response is sent when it has as many results or bytes as the
//     policy states, or when its first result has waited for as long as the policy states. results
//     then runs in another goroutine, which returns before the stream ends, and is at most one
//     response ahead.
//
// An error of results ends the stream after the results that came before it.
func (m *Method[S, Req, Resp, T]) Serve(ctx context.Context, req *Req, results iter.Seq2[T, error], opts ...Option) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		s, err := m.begin(ctx, req, opts)
		if err == nil && results == nil {
			err = misuse("%s: Serve with a nil iterator; pass one that yields nothing", m.info.FullMethod)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		m.send(s, results, yield)
	}
}

// begin reads the limit of a request.
func (m *Method[S, Req, Resp, T]) begin(ctx context.Context, req *Req, opts []Option) (*serving[T], error) {
	f, err := m.facts()
	if err != nil {
		return nil, err
	}
	s := &serving[T]{facts: f, ctx: ctx, method: m.info.FullMethod, limits: limitsOf(m.info.PolicyIn(ctx).Search, opts)}
	s.most = int64(s.limits.MaxLimit)
	if len(f.limit) == 0 {
		return s, nil
	}
	switch limit := f.limit.Integer(any(req).(proto.Message).ProtoReflect()); {
	case limit < 0:
		return nil, invalidLimit(f.names.Limit)
	case limit > 0 && (s.most == 0 || limit < s.most):
		s.most = limit
	}
	return s, nil
}

// sendEach streams results that are responses.
func sendEach[Resp any](s *serving[*Resp], results iter.Seq2[*Resp, error], yield func(*Resp, error) bool) {
	remaining, over := s.most, false
	ignored := each.Range(results, s.late, func(result *Resp, err error) bool {
		over = !yield(result, err) || err != nil
		remaining--
		return !over && remaining != 0
	})
	if ignored != nil && !over {
		yield(nil, misuse("%s: %w", s.method, ignored))
	}
}

// late reports that results were yielded after their end.
func (s *serving[T]) late() { callctx.LateYield(s.ctx) }
