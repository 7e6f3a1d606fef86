package batch

import (
	"context"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a batch of a service of Go type S: what its requests and responses hold, found once. C is the type of a child, an id
// or a request, and R that of a result. Generated code has one for each RPC that is a batch.
type Method[S, Req, Resp any, C comparable, R any] struct {
	info     runtime.MethodInfo
	call     func(S, context.Context, *Req) (*Resp, error)
	children func(*Req) []C
	single   string
	plan     func() (*plan[Resp, C, R], error)
}

// Fields are the fields of a batch, by their names in the proto; those in nested messages with dots: "batch.ids".
type Fields struct {
	// Children is the request's list of ids, or of a request for each child.
	Children string
	// Results is the response's list or map of results. A batch of [Done] has none.
	Results string
	// Missing is the response's list of children that were not found, of a [Keyed] batch. May be empty.
	Missing string
	// Status is the field of an item that says what failed, and Value the one that has the result, of a [PerItem] batch.
	Status, Value string
	// IdempotencyKey is the request's field that makes calls idempotent. May be empty.
	IdempotencyKey string
	// Hoisted are fields of the request that stand for the field of the same name in each child. Where children are resource
	// names, a hoisted field is the resource that all of them are in.
	Hoisted []string
	// Single is the name of the method of the same service that does for one child what the batch does
	// for many. What its policy requires of a caller and of a request holds in the batch too, see
	// [Method.Load]. May be empty.
	Single string
}

// Ordered returns the method of a batch whose response has the result of each child at its index. All children fail with the
// first that fails.
func Ordered[S, Req, Resp any, C comparable, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) []R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newOrdered[Resp, C](resp, fields, results)
	})
}

// Keyed returns the method of a batch whose response has a map of results by child. A child that is not found is no failure: it
// is left out of the map, and listed in the field Missing if there is one.
func Keyed[S, Req, Resp any, C comparable, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) map[C]R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newKeyed(resp, fields, results)
	})
}

// PerItem returns the method of a batch whose response has an item for each child at its index, with a result or a status. A
// failure of one child leaves the others as they are. Value reads the result of an item.
func PerItem[S, Req, Resp any, C comparable, Item, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) []*Item, value func(*Item) R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newPerItem[Resp, C](resp, fields, results, value)
	})
}

// Done returns the method of a batch whose response has no results, such as Empty. All children fail with the first that fails.
// What the function of a child returns is not used.
func Done[S, Req, Resp any, C comparable](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, fields Fields,
) *Method[S, Req, Resp, C, *Resp] {
	return newMethod(info, call, children, fields, func(protoreflect.MessageDescriptor) (shape[Resp, C, *Resp], error) {
		return done[Resp, C]{}, nil
	})
}

func newMethod[S, Req, Resp any, C comparable, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), children func(*Req) []C, fields Fields,
	bind func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error),
) *Method[S, Req, Resp, C, R] {
	find := func() (*plan[Resp, C, R], error) {
		p, err := newPlan[Req](fields, bind)
		if err != nil {
			return nil, misuse("%s: the fields of the batch: %w", info.FullMethod, err)
		}
		return p, nil
	}
	return &Method[S, Req, Resp, C, R]{info: info, call: call, children: children, single: fields.Single, plan: sync.OnceValues(find)}
}
