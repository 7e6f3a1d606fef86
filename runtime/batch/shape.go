package batch

import (
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// shape is the form of a batch's response.
type shape[Resp any, C comparable, R any] interface {
	// mode returns the effect of a failed item.
	mode() mode
	// fields returns the fields that hold results or missing items.
	fields() []path
	// absent reports whether a result is missing.
	absent(result R) bool
	// response returns the response for o. All errors in it are tolerated ones.
	response(o *outcomes[C, R]) *Resp
	// size returns an upper bound of that response's size in bytes.
	size(resp *Resp, o *outcomes[C, R]) int
	// fit reduces a response that is larger than maxBytes if it can, and reports whether it fits.
	fit(resp *Resp, maxBytes int) bool
	// read returns the outcomes of items from the response to them. Its error is a mistake of the
	// server.
	read(resp *Resp, children []C) (outcomeFunc[R], error)
}

// outcomeFunc returns the outcome of the item at an index.
type outcomeFunc[R any] func(i int) (R, error)

// mode is the effect of a failed item.
type mode int

const (
	allOrNone  mode = iota // one failure fails the batch
	foundByKey             // an item not found is missing; any other failure fails the batch
	eachAlone              // items fail alone
)

// tolerates reports whether the other items continue if one fails with err.
func (m mode) tolerates(err error) bool {
	return m == eachAlone || m == foundByKey && rpcerr.PublicStatus(err).Code() == codes.NotFound
}

// outcomes holds the outcomes of a batch's items. An item that occurs twice has one outcome.
type outcomes[C comparable, R any] struct {
	distinct []C
	of       []int // the index in distinct of each item; nil if all are distinct
	results  []R   // of distinct
	errs     []error
}

// newOutcomes returns empty outcomes for items. Requests are always distinct, even if two are
// equal.
func newOutcomes[C comparable, R any](children []C, requests bool, mode mode) *outcomes[C, R] {
	o := &outcomes[C, R]{distinct: children}
	if !requests {
		o.distinct, o.of = distinct(children)
	}
	o.results = make([]R, len(o.distinct))
	if mode != allOrNone {
		o.errs = make([]error, len(o.distinct))
	}
	return o
}

// distinct returns the items without repetitions, in the order of their first occurrence, and the
// index of each in it: nil if nothing is repeated.
func distinct[C comparable](children []C) (once []C, of []int) {
	seen := make(map[C]int, len(children))
	of = make([]int, len(children))
	for i, child := range children {
		at, ok := seen[child]
		if !ok {
			at = len(seen)
			seen[child] = at
			once = append(once, child)
		}
		of[i] = at
	}
	if len(once) == len(children) {
		return children, nil
	}
	return once, of
}

func (o *outcomes[C, R]) len() int {
	if o.of != nil {
		return len(o.of)
	}
	return len(o.distinct)
}

// child returns the outcome of the item at index i of the request.
func (o *outcomes[C, R]) child(i int) (R, error) {
	i = o.at(i)
	return o.results[i], o.err(i)
}

// at returns the index in distinct of the item at index i of the request.
func (o *outcomes[C, R]) at(i int) int {
	if o.of != nil {
		return o.of[i]
	}
	return i
}

// err returns the error of the distinct item i, or nil.
func (o *outcomes[C, R]) err(i int) error {
	if o.errs == nil {
		return nil
	}
	return o.errs[i]
}

// first returns the index in the request of the distinct item i.
func (o *outcomes[C, R]) first(i int) int {
	for at, of := range o.of {
		if of == i {
			return at
		}
	}
	return i
}

// clear resets all outcomes before they are computed again.
func (o *outcomes[C, R]) clear() {
	clear(o.results)
	clear(o.errs)
}

// done has no results.
type done[Resp any, C comparable] struct{}

func (done[Resp, C]) mode() mode { return allOrNone }

func (done[Resp, C]) fields() []path { return nil }

func (done[Resp, C]) absent(*Resp) bool { return false } // never sent

func (done[Resp, C]) response(*outcomes[C, *Resp]) *Resp { return new(Resp) }

func (done[Resp, C]) size(*Resp, *outcomes[C, *Resp]) int { return 0 }

func (done[Resp, C]) fit(*Resp, int) bool { return false }

func (done[Resp, C]) read(resp *Resp, _ []C) (outcomeFunc[*Resp], error) {
	return func(int) (*Resp, error) { return resp, nil }, nil
}
