package batch

import (
	"context"
	"slices"
)

// Load responds to a request with one call of load, such as one database query. load receives the
// items of the request, each once, and returns the results that it found. It may modify the
// slice.
//
// An item without a result is NOT_FOUND, reason BATCH_NOT_FOUND, with a violation at the path of
// each such item ("user_ids[3]"). In a keyed batch it is listed in the field for missing items;
// in a batch per item, its item has the error. A nil result counts as missing.
//
// If Single names the method for one item and the call is a call of the batch, Load requires what
// that method requires of its callers and its requests. The rates and concurrency limits of that
// method do not apply.
//
// Load rejects requests with no items, with too many, or with a field that stands for all items
// and differs from that of an item: INVALID_ARGUMENT, reasons BATCH_EMPTY, BATCH_TOO_LARGE and
// BATCH_FIELD_MISMATCH. The limits are those of the call's policy.
func (m *Method[S, Req, Resp, C, R]) Load(
	ctx context.Context, req *Req, load func(ctx context.Context, children []C) (map[C]R, error), opts ...Option,
) (*Resp, error) {
	r, err := m.accept(ctx, req, opts)
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

// answer returns the response with the outcomes that work computes, in the transaction if there
// is one: a response that cannot be sent must not be committed.
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

// take converts the results into outcomes.
func (r *request[Resp, C, R]) take(found map[C]R) error {
	r.outcomes.clear()
	shape, missing := r.plan.shape, false
	for i, child := range r.outcomes.distinct {
		result, ok := found[child]
		switch {
		case ok && !shape.absent(result):
			r.outcomes.results[i] = result
		case shape.mode() != allOrNone:
			r.outcomes.errs[i] = itemNotFound(child)
		default:
			missing = true
		}
	}
	if missing {
		return r.missing(found)
	}
	return nil
}

// missing returns the error of a request with items that were not found.
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
