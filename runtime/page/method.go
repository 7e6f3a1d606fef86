package page

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a paged RPC of a service of Go type S with items of type T. Servers call
// [Method.Serve], clients [Method.All] and [Method.Pages].
type Method[S, Req, Resp, T any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) (*Resp, error)
	items func(*Resp) []T
	facts func() (*facts[T], error)
}

// facts is what a method resolves on first use.
type facts[T any] struct {
	*shape
	put putter[T]
}

// Of returns the paged RPC that info describes, whose items are a list.
func Of[S, Req, Resp, T any](info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), items func(*Resp) []T, fields Fields) *Method[S, Req, Resp, T] {
	return &Method[S, Req, Resp, T]{info: info, call: call, items: items, facts: factsOf[Req, Resp](info, fields, listPutter[T])}
}

// OfMap is [Of] for an RPC whose items are a map. Clients receive them in the order of their
// keys.
func OfMap[S, Req, Resp any, K comparable, V any](info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), items func(*Resp) map[K]V, fields Fields) *Method[S, Req, Resp, Entry[K, V]] {
	return &Method[S, Req, Resp, Entry[K, V]]{
		info: info, call: call,
		items: func(resp *Resp) []Entry[K, V] { return entriesOf(items(resp)) },
		facts: factsOf[Req, Resp](info, fields, mapPutter[K, V]),
	}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp, T]) Info() runtime.MethodInfo { return m.info }

// factsOf returns a function that resolves a method's facts once.
func factsOf[Req, Resp, T any](info runtime.MethodInfo, fields Fields, put func(protoreflect.FieldDescriptor) (putter[T], error)) func() (*facts[T], error) {
	return sync.OnceValues(func() (*facts[T], error) {
		req, reqOK := any((*Req)(nil)).(proto.Message)
		resp, respOK := any((*Resp)(nil)).(proto.Message)
		if !reqOK || !respOK {
			return nil, misuse("%s: %T or %T is not a message", info.FullMethod, req, resp)
		}
		s, err := newShape(fields, req.ProtoReflect().Descriptor(), resp.ProtoReflect().Descriptor())
		if err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		f := &facts[T]{shape: s}
		if f.put, err = put(s.items.Last()); err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		return f, nil
	})
}

// reflectOf returns the reflection of a message; factsOf has checked that M is one.
func reflectOf[M any](m *M) protoreflect.Message {
	return any(m).(proto.Message).ProtoReflect()
}

// cloneOf returns a copy of a message, or an empty one for nil.
func cloneOf[M any](m *M) (*M, error) {
	if m == nil {
		return new(M), nil
	}
	clone, ok := any(proto.Clone(any(m).(proto.Message))).(*M)
	if !ok {
		return nil, fmt.Errorf("page: a copy of %T has another type", m)
	}
	return clone, nil
}
