package batch

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// fetcher makes the calls of a loader.
type fetcher[S, Req, Resp any, C comparable, R any] struct {
	method   *Method[S, Req, Resp, C, R]
	service  S
	template protoreflect.Message
	plan     *plan[Resp, C, R]
	err      error // why there is no plan
}

// clearIdempotencyKey takes the idempotency key out of a message that is ours.
func (p *plan[Resp, C, R]) clearIdempotencyKey(req protoreflect.Message) {
	if p.idempotencyKey == nil {
		return
	}
	if holder := p.idempotencyKey.own(req); holder != nil {
		holder.Clear(p.idempotencyKey.last())
	}
}

// maxRounds is how often a call is made again without children that it fails for.
const maxRounds = 10

// fetch returns the outcomes of children. Where an atomic batch fails because of some ids, and says which, it asks again for the
// others: they are of those who know nothing of these ids.
func (f *fetcher[S, Req, Resp, C, R]) fetch(ctx context.Context, children []C) outcomeFunc[R] {
	if f.err != nil {
		return failed[R](f.err)
	}
	outcome, err := f.ask(ctx, children)
	switch {
	case err == nil:
		return outcome
	case f.method.halves(err, len(children)):
		return f.halve(ctx, children)
	}
	results, errs := make([]R, len(children)), make([]error, len(children))
	left := indexes(len(children)) // of those without outcome
	for round := 1; err != nil; round++ {
		blamed := f.blamed(err, len(left))
		if len(blamed) == 0 || round == maxRounds {
			break
		}
		for _, i := range blamed {
			errs[left[i]] = blame(err, children[left[i]])
		}
		if left = drop(left, blamed); len(left) > 0 {
			outcome, err = f.ask(ctx, pick(children, left))
		} else {
			err = nil
		}
	}
	for i, at := range left {
		if errs[at] = err; err == nil {
			results[at], errs[at] = outcome(i)
		}
	}
	return func(i int) (R, error) { return results[i], errs[i] }
}

// halve asks for each half of children whose results are too large for one response.
func (f *fetcher[S, Req, Resp, C, R]) halve(ctx context.Context, children []C) outcomeFunc[R] {
	half := len(children) / 2
	first, second := f.fetch(ctx, children[:half]), f.fetch(ctx, children[half:])
	return func(i int) (R, error) {
		if i < half {
			return first(i)
		}
		return second(i - half)
	}
}

// indexes returns 0 to n-1.
func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// ask makes one call.
func (f *fetcher[S, Req, Resp, C, R]) ask(ctx context.Context, children []C) (outcome outcomeFunc[R], err error) {
	defer func() {
		if value := recover(); value != nil {
			err = runtime.Recovered(ctx, value)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	req := any(f.plan.part(f.template, children).Interface()).(*Req)
	_, outcome, err = f.method.ask(ctx, f.service, req, children)
	return outcome, err
}

// blamed returns which of n ids a call failed for, sorted; none where it does not say.
func (f *fetcher[S, Req, Resp, C, R]) blamed(err error, n int) []int {
	code := rpcerr.PublicStatus(err).Code()
	if f.plan.requests || code != codes.NotFound && code != codes.InvalidArgument {
		return nil
	}
	var blamed []int
	for _, v := range rpcerr.FieldViolations(err) {
		if i, _, ok := indexIn(v.Field, f.plan.name); ok && i < n {
			blamed = append(blamed, i)
		}
	}
	slices.Sort(blamed)
	return slices.Compact(blamed)
}

// blame returns the error of a child that a call failed for. That a child was not found says nothing of the others.
func blame(err error, child any) error {
	if rpcerr.PublicStatus(err).Code() == codes.NotFound {
		return childNotFound(child)
	}
	return err
}

// pick returns the children at some indexes.
func pick[C any](children []C, at []int) []C {
	picked := make([]C, len(at))
	for i, at := range at {
		picked[i] = children[at]
	}
	return picked
}

// drop returns at without the elements whose indexes are blamed.
func drop(at, blamed []int) []int {
	kept := make([]int, 0, len(at)-len(blamed))
	for i, at := range at {
		if len(blamed) > 0 && blamed[0] == i {
			blamed = blamed[1:]
			continue
		}
		kept = append(kept, at)
	}
	return kept
}
