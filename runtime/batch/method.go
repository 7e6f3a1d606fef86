package batch

import (
	"context"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a batch RPC of a service of Go type S. It resolves the fields of its requests and
// responses once. C is the type of an item, an ID or a request, and R that of a result. Generated
// code has one for each batch RPC.
type Method[S, Req, Resp any, C comparable, R any] struct {
	info     runtime.MethodInfo
	call     func(S, context.Context, *Req) (*Resp, error)
	children func(*Req) []C
	single   string
	plan     func() (*plan[Resp, C, R], error)
}

// Ordered returns the method of a batch whose response has each result at the index of its item.
// If one item fails, the batch fails.
func Ordered[S, Req, Resp any, C comparable, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) []R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newOrdered[Resp, C](resp, fields, results)
	})
}

// Keyed returns the method of a batch whose response has a map of results by item. An item that
// is not found does not fail the batch: it is absent from the map, and listed in the field
// Missing if there is one.
func Keyed[S, Req, Resp any, C comparable, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) map[C]R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newKeyed(resp, fields, results)
	})
}

// PerItem returns the method of a batch whose response has an item with a result or a status at
// each index. If one fails, the others are not affected. value reads the result of an item.
func PerItem[S, Req, Resp any, C comparable, Item, R any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error),
	children func(*Req) []C, results func(*Resp) []*Item, value func(*Item) R, fields Fields,
) *Method[S, Req, Resp, C, R] {
	return newMethod(info, call, children, fields, func(resp protoreflect.MessageDescriptor) (shape[Resp, C, R], error) {
		return newPerItem[Resp, C](resp, fields, results, value)
	})
}

// Done returns the method of a batch whose response has no results, such as Empty. If one item
// fails, the batch fails. The results of the function for items are ignored.
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
			return nil, misuse("%s: invalid batch fields: %w", info.FullMethod, err)
		}
		return p, nil
	}
	return &Method[S, Req, Resp, C, R]{info: info, call: call, children: children, single: fields.Single, plan: sync.OnceValues(find)}
}
