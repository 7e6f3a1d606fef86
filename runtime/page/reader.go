package page

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// reader reads the pages of one range.
type reader[S, Req, Resp, T any] struct {
	method  *Method[S, Req, Resp, T]
	facts   *facts[T]
	options *reading
	svc     S
	next    *Req // the next request; not shared
	got     int64
	mark    string // the token of the latest page whose number is a power of two
}

func (m *Method[S, Req, Resp, T]) newReader(svc S, req *Req, options *reading) (*reader[S, Req, Resp, T], error) {
	facts, err := m.facts()
	if err != nil {
		return nil, err
	}
	next, err := cloneOf(req)
	if err != nil {
		return nil, err
	}
	if options.resumed && !facts.counted() {
		facts.resume(reflectOf(next), options.token)
	}
	if id := facts.idempotencyKey; len(id) > 0 && id.Text(reflectOf(next)) == "" {
		id.SetText(reflectOf(next), uuid.New())
	}
	return &reader[S, Req, Resp, T]{method: m, facts: facts, options: options, svc: svc, next: next}, nil
}

// pages ranges over the pages, one call after another.
func (r *reader[S, Req, Resp, T]) pages(ctx context.Context) iter.Seq2[*Page[T, Resp], error] {
	return func(yield func(*Page[T, Resp], error) bool) {
		for n := 1; ; n++ {
			page, err := r.fetch(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) || r.ends(page) {
				return
			}
			if n == r.options.pages {
				yield(nil, fmt.Errorf("%s: %w than %d", r.method.info.FullMethod, ErrMorePages, n))
				return
			}
			r.remember(n, page)
			r.advance(page)
		}
	}
}

// remember keeps the tokens of the pages 1, 2, 4, 8 and so on, one at a time. A list whose tokens
// form a cycle comes back to one of them (Brent's algorithm).
func (r *reader[S, Req, Resp, T]) remember(n int, page *Page[T, Resp]) {
	if n&(n-1) == 0 {
		r.mark = page.NextToken
	}
}

// repeats reports whether the token was returned before.
func (r *reader[S, Req, Resp, T]) repeats(token string) bool {
	return token != "" && (token == r.mark || token == r.facts.token.Text(reflectOf(r.next)))
}

// fetch returns one page.
func (r *reader[S, Req, Resp, T]) fetch(ctx context.Context) (*Page[T, Resp], error) {
	resp, err := r.ask(ctx)
	for err != nil && r.shrink(err) {
		resp, err = r.ask(ctx)
	}
	if err != nil {
		return nil, err
	}
	if resp == nil {
		return nil, fmt.Errorf("%s: the call returned neither a response nor an error", r.method.info.FullMethod)
	}
	page := &Page[T, Resp]{Items: r.method.items(resp), Response: resp}
	if !r.facts.counted() {
		page.NextToken = r.facts.nextToken.Text(reflectOf(resp))
		if r.repeats(page.NextToken) {
			return nil, fmt.Errorf("%s: %w", r.method.info.FullMethod, ErrTokenRepeated)
		}
	}
	if len(r.facts.total) > 0 {
		page.Total = r.facts.total.Integer(reflectOf(resp))
	}
	r.got += int64(len(page.Items))
	return page, nil
}

// ask calls the method once.
func (r *reader[S, Req, Resp, T]) ask(ctx context.Context) (*Resp, error) {
	req, err := cloneOf(r.next) // the call may keep it
	if err != nil {
		return nil, err
	}
	r.limit(reflectOf(req))
	return r.method.call(r.svc, ctx, req)
}

// shrink reduces the page size if err says that a page was too large to be sent, and reports
// whether it did.
func (r *reader[S, Req, Resp, T]) shrink(err error) bool {
	size := r.facts.size
	if len(size) == 0 || !msgsize.Exceeded(err, ReasonTooLarge) {
		return false
	}
	req := reflectOf(r.next)
	asked := size.Integer(req)
	if asked == 0 {
		asked = int64(limitsIn(r.method.info.Policy.Page).DefaultSize)
	}
	fits := asked / 2
	if info, ok := rpcerr.Detail[*errdetails.ErrorInfo](err); ok {
		if n, err := strconv.ParseInt(info.GetMetadata()[fitsKey], 10, 64); err == nil && n < asked {
			fits = n
		}
	}
	if fits < 1 {
		return false
	}
	size.SetAtMost(req, fits)
	return true
}

// limit reduces the page size to the number of items still needed.
func (r *reader[S, Req, Resp, T]) limit(req protoreflect.Message) {
	size, remaining := r.facts.size, r.options.limit-r.got
	if r.options.limit <= 0 || len(size) == 0 {
		return
	}
	asked := size.Integer(req)
	if asked == 0 {
		asked = int64(limitsIn(r.method.info.Policy.Page).DefaultSize)
	}
	if remaining < asked {
		size.SetAtMost(req, remaining)
	}
}

// ends reports whether a page is the last one, or the last one needed.
func (r *reader[S, Req, Resp, T]) ends(page *Page[T, Resp]) bool {
	if r.options.limit > 0 && r.got >= r.options.limit {
		return true
	}
	if r.facts.counted() {
		return len(page.Items) == 0
	}
	return page.NextToken == ""
}

// resume sets the request to the page of a token. Items to skip are before it.
func (s *shape) resume(req protoreflect.Message, token string) {
	s.token.SetText(req, token)
	if token != "" && len(s.skip) > 0 && s.skip.Integer(req) != 0 {
		s.skip.SetAtMost(req, 0)
	}
}

// advance sets the next request to the page after one.
func (r *reader[S, Req, Resp, T]) advance(page *Page[T, Resp]) {
	next := reflectOf(r.next)
	if r.facts.counted() {
		r.facts.skip.SetAtMost(next, r.facts.skip.Integer(next)+int64(len(page.Items)))
	} else {
		r.facts.resume(next, page.NextToken)
	}
	if id := r.facts.idempotencyKey; len(id) > 0 {
		id.SetText(next, uuid.New()) // each page is a separate request
	}
}
