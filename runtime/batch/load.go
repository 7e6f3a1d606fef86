package batch

import (
	"context"
	"slices"
)

// Load answers a request with one call of load, such as one query of a database: it gets the children of the request, each once,
// and returns the results of those that it has found. The slice is load's own.
//
// What is not found is NOT_FOUND, reason BATCH_NOT_FOUND, with a violation at the path of each such child ("user_ids[3]"); it is in
// the field for missing ones of a keyed batch, and in the item of one per item. A nil result is one that was not found.
//
// Load requires what the method that does it for one child requires of its callers and its requests,
// where the fields name it and the call is one of the batch: see Check. Its rates and its
// concurrency do not count.
//
// Load refuses requests of no children or too many, and those with a field that stands for all children where a child says
// something else, with INVALID_ARGUMENT; reasons BATCH_EMPTY, BATCH_TOO_LARGE and BATCH_FIELD_MISMATCH. The limits are those of the
// call's policy.
func (m *Method[S, Req, Resp, C, R]) Load(
	ctx context.Context, req *Req, load func(ctx context.Context, children []C) (map[C]R, error), opts ...Option,
) (*Resp, error) {
	r, err := m.open(ctx, req, opts)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, func(ctx context.Context) error {
		found, err := load(ctx, slices.Clone(r.outcomes.distinct))
		if err != nil {
			return err
		}
		return r.take(found)
	})
}

// answer returns the response with the outcomes that work works out, in the transaction if there is one: a response that cannot be
// sent must not be committed.
func (r *request[Resp, C, R]) answer(ctx context.Context, work func(context.Context) error) (resp *Resp, err error) {
	if r.outcomes.len() == 0 {
		return r.respond()
	}
	err = r.inTx.run(ctx, func(ctx context.Context) (err error) {
		if err = work(ctx); err == nil {
			resp, err = r.respond()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// take makes what was found into outcomes.
func (r *request[Resp, C, R]) take(found map[C]R) error {
	r.outcomes.clear()
	shape, missing := r.plan.shape, false
	for i, child := range r.outcomes.distinct {
		result, ok := found[child]
		switch {
		case ok && !shape.absent(result):
			r.outcomes.results[i] = result
		case shape.mode() != allOrNone:
			r.outcomes.errs[i] = childNotFound(child)
		default:
			missing = true
		}
	}
	if missing {
		return r.missing(found)
	}
	return nil
}

// missing returns the error of a request where not all children were found.
func (r *request[Resp, C, R]) missing(found map[C]R) error {
	var missing []int
	var first C
	for i := range r.outcomes.len() {
		child := r.outcomes.distinct[r.outcomes.at(i)]
		if result, ok := found[child]; ok && !r.plan.shape.absent(result) {
			continue
		}
		if missing == nil {
			first = child
		}
		missing = append(missing, i)
	}
	return r.plan.notFound(missing, first)
}
