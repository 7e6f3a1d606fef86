package batch

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Each answers a request with a call of fn for each child, a few at a time: see [WithConcurrency]. An id that is there twice is one
// call, whose result is there twice; requests are never the same. Each returns when all its calls have.
//
// What happens when fn fails for a child depends on the shape of the batch:
//
//   - ordered, done: the batch fails with the error of the lowest index that fails. Calls with a higher index are cancelled or not
//     made; the others go on, so that the error is the same each time. Without [WithTx], what was done by then stays done.
//   - keyed: a child whose error is NOT_FOUND is missing; with any other error the batch fails as an ordered one.
//   - per item: the status of the child is in its item, and all others go on.
//
// The error of a batch has the index of the child in its message and in the metadata of its ErrorInfo, and the path of the child
// before those of its violations: "requests[3].user.name". A panic of fn is INTERNAL for its child, and logged. A fn that waits for
// another child may wait forever.
//
// Each checks requests as [Method.Load] does.
func (m *Method[S, Req, Resp, C, R]) Each(
	ctx context.Context, req *Req, fn func(ctx context.Context, child C) (R, error), opts ...Option,
) (*Resp, error) {
	r, err := m.open(ctx, req, opts)
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

// inTxEach returns fn in a transaction of its own.
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

// workers returns how many children are worked on at a time.
func (r *request[Resp, C, R]) workers() int {
	switch {
	case r.concurrency > 0:
		return r.concurrency
	case r.inTx != nil:
		return 1
	}
	return r.limits.Concurrency
}

// each works out the outcomes by calls of fn.
func (r *request[Resp, C, R]) each(ctx context.Context, fn func(context.Context, C) (R, error)) error {
	o, shape := r.outcomes, r.plan.shape
	o.clear()
	i, err := fanOut(ctx, len(o.distinct), r.workers(), func(ctx context.Context, i int) error {
		result, err := callChild(ctx, o.distinct[i], fn)
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
	if over := ctx.Err(); over != nil && isContextError(err) { // the fault of no child
		return over
	}
	return r.plan.childError(o.first(i), err)
}

func isContextError(err error) bool {
	code := rpcerr.PublicStatus(err).Code()
	return code == codes.Canceled || code == codes.DeadlineExceeded
}

// callChild calls fn for one child, unless the time is up.
func callChild[C, R any](ctx context.Context, child C, fn func(context.Context, C) (R, error)) (result R, err error) {
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
