package batch

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Each responds to a request by calling fn for each item, a few at a time: see [WithConcurrency].
// An ID that occurs twice is one call, whose result is returned twice; requests are always
// distinct. Each returns when all its calls have returned.
//
// If fn fails for an item, the result depends on the shape of the batch:
//
//   - ordered, done: the batch fails with the error of the lowest index that fails. Calls with a
//     higher index are cancelled or not started; the others continue, so the error is the same
//     each time. Without [WithTx], completed items stay done.
//   - keyed: an item whose error is NOT_FOUND is missing; with any other error the batch fails
//     like an ordered one.
//   - per item: the item has the status of the error, and all others continue.
//
// The error of a batch has the index of the item in its message and in the metadata of its
// ErrorInfo, and prefixes the paths of violations with the path of the item:
// "requests[3].user.name". A panic of fn is INTERNAL for its item, and logged. An fn that waits
// for another item may block forever.
//
// Each checks requests like [Method.Load].
func (m *Method[S, Req, Resp, C, R]) Each(
	ctx context.Context, req *Req, fn func(ctx context.Context, child C) (R, error), opts ...Option,
) (*Resp, error) {
	r, err := m.accept(ctx, req, opts)
	if err != nil {
		return nil, err
	}
	if r.plan.shape.mode() == eachAlone {
		fn = inTxEach(r.inTx, fn)
		r.inTx = nil
	}
	resp, err := r.answer(ctx, func(ctx context.Context) error { return r.each(ctx, fn) })
	if err == nil {
		r.report(ctx)
	}
	return resp, err
}

// inTxEach returns fn wrapped in a separate transaction for each item.
func inTxEach[C, R any](inTx transaction, fn func(context.Context, C) (R, error)) func(context.Context, C) (R, error) {
	if inTx == nil {
		return fn
	}
	return func(ctx context.Context, child C) (result R, err error) {
		err = inTx.run(ctx, func(ctx context.Context) (err error) {
			result, err = fn(ctx, child)
			return err
		})
		return result, err
	}
}

// workers returns how many items run at a time.
func (r *request[Resp, C, R]) workers() int {
	switch {
	case r.concurrency > 0:
		return r.concurrency
	case r.inTx != nil:
		return 1
	}
	return r.limits.Concurrency
}

// each computes the outcomes by calls of fn.
func (r *request[Resp, C, R]) each(ctx context.Context, fn func(context.Context, C) (R, error)) error {
	o, shape := r.outcomes, r.plan.shape
	o.clear()
	i, err := fanOut(ctx, len(o.distinct), r.workers(), func(ctx context.Context, i int) error {
		result, err := callItem(ctx, o.distinct[i], fn)
		if err == nil && shape.absent(result) {
			err = errNoResult
		}
		switch {
		case err == nil:
			o.results[i] = result
		case shape.mode().tolerates(err):
			o.errs[i] = err
		default:
			return err
		}
		return nil
	})
	if err == nil {
		return nil
	}
	if over := ctx.Err(); over != nil && isContextError(err) { // no item caused it
		return over
	}
	return r.plan.itemError(o.first(i), err)
}

func isContextError(err error) bool {
	code := rpcerr.PublicStatus(err).Code()
	return code == codes.Canceled || code == codes.DeadlineExceeded
}

// callItem calls fn for one item unless ctx has ended.
func callItem[C, R any](ctx context.Context, child C, fn func(context.Context, C) (R, error)) (result R, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	defer func() {
		if value := recover(); value != nil {
			err = runtime.Recovered(ctx, value)
		}
	}()
	return fn(ctx, child)
}
