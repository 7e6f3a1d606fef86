package page

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a paged RPC of a service of Go type S: its server calls [Method.Serve], its clients [Method.All] and [Method.Pages].
// Items are of type T.
type Method[S, Req, Resp, T any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) (*Resp, error)
	items func(*Resp) []T
	facts func() (*facts[T], error)
}

// facts is what is found out about a method when it is used first.
type facts[T any] struct {
	*shape
	put putter[T]
}

// Of returns the paged RPC that info describes, whose items are a list.
func Of[S, Req, Resp, T any](info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), items func(*Resp) []T, fields Fields) *Method[S, Req, Resp, T] {
	return &Method[S, Req, Resp, T]{info: info, call: call, items: items, facts: factsOf[Req, Resp](info, fields, listPutter[T])}
}

// OfMap is [Of] for an RPC whose items are a map. Clients get them in the order of their keys.
func OfMap[S, Req, Resp any, K comparable, V any](info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), items func(*Resp) map[K]V, fields Fields) *Method[S, Req, Resp, Entry[K, V]] {
	return &Method[S, Req, Resp, Entry[K, V]]{
		info: info, call: call,
		items: func(resp *Resp) []Entry[K, V] { return entriesOf(items(resp)) },
		facts: factsOf[Req, Resp](info, fields, mapPutter[K, V]),
	}
}

// Info returns what is known of the RPC.
func (m *Method[S, Req, Resp, T]) Info() runtime.MethodInfo { return m.info }

// factsOf returns what finds out about a method, once.
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
		if f.put, err = put(s.items.last()); err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		return f, nil
	})
}

// reflectOf returns what a message holds; factsOf has seen that it is one.
func reflectOf[M any](m *M) protoreflect.Message {
	return any(m).(proto.Message).ProtoReflect()
}

// cloneOf returns a copy of a message, an empty one of nil.
func cloneOf[M any](m *M) (*M, error) {
	if m == nil {
		return new(M), nil
	}
	clone, ok := any(proto.Clone(any(m).(proto.Message))).(*M)
	if !ok {
		return nil, fmt.Errorf("page: %T is not its own kind of message", m)
	}
	return clone, nil
}
