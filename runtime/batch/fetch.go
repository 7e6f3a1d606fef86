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
	err      error // if there is no plan
}

// clearIdempotencyKey clears the idempotency key of a message that the loader owns.
func (p *plan[Resp, C, R]) clearIdempotencyKey(req protoreflect.Message) {
	if p.idempotencyKey == nil {
		return
	}
	if holder := p.idempotencyKey.own(req); holder != nil {
		holder.Clear(p.idempotencyKey.last())
	}
}

// maxRounds is the maximum number of calls for one batch, each without the items that failed
// before.
const maxRounds = 10

// fetch returns the outcomes of items. If an atomic batch fails because of some IDs and names
// them, fetch repeats the call without them, because the callers of the other items did not send
// those IDs.
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
	remaining := indexes(len(children)) // of items without an outcome
	for round := 1; err != nil; round++ {
		blamed := f.blamed(err, len(remaining))
		if len(blamed) == 0 || round == maxRounds {
			break
		}
		for _, i := range blamed {
			errs[remaining[i]] = blame(err, children[remaining[i]])
		}
		if remaining = drop(remaining, blamed); len(remaining) > 0 {
			outcome, err = f.ask(ctx, pick(children, remaining))
		} else {
			err = nil
		}
	}
	for i, at := range remaining {
		if errs[at] = err; err == nil {
			results[at], errs[at] = outcome(i)
		}
	}
	return func(i int) (R, error) { return results[i], errs[i] }
}

// halve fetches each half of items whose results are too large for one response.
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

// blamed returns the sorted indexes, of n IDs, that a call failed for, or none if the error does
// not name them.
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

// blame returns the error of an item that a call failed for. If it was not found, the error does
// not mention the others.
func blame(err error, child any) error {
	if rpcerr.PublicStatus(err).Code() == codes.NotFound {
		return itemNotFound(child)
	}
	return err
}

// pick returns the items at some indexes.
func pick[C any](children []C, at []int) []C {
	picked := make([]C, len(at))
	for i, at := range at {
		picked[i] = children[at]
	}
	return picked
}

// drop returns at without the elements at the blamed indexes.
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

// failed returns the outcome of items whose call failed.
func failed[R any](err error) outcomeFunc[R] {
	return func(int) (none R, _ error) { return none, err }
}
