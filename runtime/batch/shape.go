package batch

import (
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// shape is how the response of a batch holds results.
type shape[Resp any, C comparable, R any] interface {
	// mode says what the failure of a child does.
	mode() mode
	// fields are those that hold results, or say that there are none.
	fields() []path
	// absent says whether a result is none.
	absent(result R) bool
	// response returns what o is told by. All errors in it are tolerated ones.
	response(o *outcomes[C, R]) *Resp
	// size returns how many bytes that response has, at most.
	size(resp *Resp, o *outcomes[C, R]) int
	// fit makes a response that has more than so many bytes smaller where it can, and reports whether it has no more then.
	fit(resp *Resp, maxBytes int) bool
	// read returns the outcomes of children in a response to them. Its error is one of the server.
	read(resp *Resp, children []C) (outcomeFunc[R], error)
}

// outcomeFunc returns what came of the child at an index.
type outcomeFunc[R any] func(i int) (R, error)

// mode says what the failure of a child does.
type mode int

const (
	allOrNone  mode = iota // all fail with the first that fails
	foundByKey             // what is not found is missing, all else fails all
	eachAlone              // each fails by itself
)

// tolerates says whether the other children go on when one fails with err.
func (m mode) tolerates(err error) bool {
	return m == eachAlone || m == foundByKey && rpcerr.PublicStatus(err).Code() == codes.NotFound
}

// outcomes are what the children of a batch came to. A child that is there twice has one outcome.
type outcomes[C comparable, R any] struct {
	distinct []C
	of       []int // the index in distinct of each child; nil where all are distinct
	results  []R   // of distinct
	errs     []error
}

// newOutcomes returns outcomes to be written for children. Requests are always distinct: two that are equal are two.
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

// distinct returns children without repetitions, in the order of their first appearance, and where each is in it: nil where
// nothing is repeated.
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

// len returns the number of children.
func (o *outcomes[C, R]) len() int {
	if o.of != nil {
		return len(o.of)
	}
	return len(o.distinct)
}

// child returns the outcome of the child at index i of the request.
func (o *outcomes[C, R]) child(i int) (R, error) {
	i = o.at(i)
	return o.results[i], o.err(i)
}

// at returns the index in distinct of the child at index i of the request.
func (o *outcomes[C, R]) at(i int) int {
	if o.of != nil {
		return o.of[i]
	}
	return i
}

// err returns why the distinct child i failed, or nil.
func (o *outcomes[C, R]) err(i int) error {
	if o.errs == nil {
		return nil
	}
	return o.errs[i]
}

// first returns the index in the request of the distinct child i.
func (o *outcomes[C, R]) first(i int) int {
	for at, of := range o.of {
		if of == i {
			return at
		}
	}
	return i
}

// clear forgets all outcomes, as they are worked out again.
func (o *outcomes[C, R]) clear() {
	clear(o.results)
	clear(o.errs)
}
