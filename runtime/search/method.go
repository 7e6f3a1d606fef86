package search

import (
	"context"
	"iter"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is an RPC of a service of Go type S that streams results of type T. Servers call
// [Method.Serve], clients [Method.All]. It is safe for concurrent use.
type Method[S, Req, Resp, T any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) runtime.Stream[Resp]
	each  func(resp *Resp, yield func(T, error) bool) bool
	send  sender[Resp, T]
	facts func() (*facts[T], error)
}

// sender streams results, at most limit if that is above 0.
type sender[Resp, T any] func(s *serving[T], results iter.Seq2[T, error], yield func(*Resp, error) bool)

// Of returns the RPC that info describes, whose responses are single results.
func Of[S, Req, Resp any](info runtime.MethodInfo, call func(S, context.Context, *Req) runtime.Stream[Resp], fields Fields) *Method[S, Req, Resp, *Resp] {
	fields.Items = ""
	return &Method[S, Req, Resp, *Resp]{
		info: info, call: call,
		each:  func(resp *Resp, yield func(*Resp, error) bool) bool { return yield(resp, nil) },
		send:  sendEach[Resp],
		facts: factsOf[Req, Resp, *Resp](info, fields),
	}
}

// OfItems returns the RPC that info describes, whose responses have a list of results.
func OfItems[S, Req, Resp, T any](info runtime.MethodInfo, call func(S, context.Context, *Req) runtime.Stream[Resp], items func(*Resp) []T, fields Fields) *Method[S, Req, Resp, T] {
	return &Method[S, Req, Resp, T]{
		info: info, call: call,
		each: func(resp *Resp, yield func(T, error) bool) bool {
			for _, item := range items(resp) {
				if !yield(item, nil) {
					return false
				}
			}
			return true
		},
		send:  sendPacks[Resp, T],
		facts: factsOf[Req, Resp, T](info, fields),
	}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp, T]) Info() runtime.MethodInfo { return m.info }

// factsOf returns a function that resolves the fields of a method once.
func factsOf[Req, Resp, T any](info runtime.MethodInfo, fields Fields) func() (*facts[T], error) {
	return sync.OnceValues(func() (*facts[T], error) {
		req, reqOK := any((*Req)(nil)).(proto.Message)
		resp, respOK := any((*Resp)(nil)).(proto.Message)
		if !reqOK || !respOK {
			return nil, misuse("%s: %T or %T is not a message", info.FullMethod, req, resp)
		}
		f, err := newFacts[T](fields, req.ProtoReflect().Descriptor(), resp.ProtoReflect().Descriptor())
		if err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		return f, nil
	})
}

// All calls the RPC of client and returns its results one by one, however many a response has. The
// loop may end at any time, which cancels the call.
func (m *Method[S, Req, Resp, T]) All(ctx context.Context, client S, req *Req) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for resp, err := range m.call(client, ctx, req) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if !m.each(resp, yield) {
				return
			}
		}
	}
}
