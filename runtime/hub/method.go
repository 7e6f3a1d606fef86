package hub

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a bidi RPC with rooms, of a service of Go type S. Servers call [Method.Serve].
type Method[S, Req, Resp any] struct {
	info runtime.MethodInfo
	key  func() (*keyField, error)
}

// Of returns the RPC with rooms that info describes.
func Of[S, Req, Resp any](
	info runtime.MethodInfo,
	_ func(S, context.Context, runtime.Stream[Req]) runtime.Stream[Resp],
	fields Fields,
) *Method[S, Req, Resp] {
	return &Method[S, Req, Resp]{info: info, key: sync.OnceValues(func() (*keyField, error) {
		req, reqOK := any((*Req)(nil)).(proto.Message)
		_, respOK := any((*Resp)(nil)).(proto.Message)
		if !reqOK || !respOK {
			return nil, misuse("%s: %T or %T is not a message", info.FullMethod, (*Req)(nil), (*Resp)(nil))
		}
		return newKeyField(fields, req.ProtoReflect().Descriptor())
	})}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp]) Info() runtime.MethodInfo { return m.info }

// Handler is what a service does with the messages of a room. Its functions are called without a
// lock. A panic in one of them is logged and ends the call of the member with INTERNAL; other
// members notice nothing.
type Handler[Req, Resp any] struct {
	// Join reports whether a caller may join: an error ends the call with it. If Join is nil, every
	// caller of the method may. It is called with the first message of the call.
	Join func(ctx context.Context, room string, first *Req) error
	// Name returns the name of the member; nil names it by its principal.
	Name func(first *Req) string
	// History returns messages that the member receives before those of the room that arrive after
	// it has joined, such as the present state. Both may have the same message, so number them if
	// that matters. The messages of the room wait in the member's queue meanwhile.
	History func(ctx context.Context, m *Member[Resp], first *Req) runtime.Stream[Resp]
	// Receive is called for each message, the first included, one at a time. An error ends the call
	// with it. If it is nil, the message is published in the room: the request and the response
	// must then be of the same type. A first message with nothing but the room key only joins.
	Receive func(ctx context.Context, m *Member[Resp], req *Req) error
	// Leave is called after the member has left the room, if it has joined. ctx does not end with
	// the call.
	Leave func(ctx context.Context, m *Member[Resp])
	// EndWithRequests ends the call when the client closes its side, after the messages that wait
	// in the member's queue. Otherwise the member goes on listening.
	EndWithRequests bool
}

// Serve returns the responses of a call: it reads the first message, asks handler whether the
// caller may join the room that it names, and then sends what the room receives while it reads
// further messages.
//
// A call without a message, a first message without a room key, and a message with another key are
// INVALID_ARGUMENT, reason ROOM_INVALID, with the field. A member that is too slow is
// RESOURCE_EXHAUSTED, reason SLOW_CONSUMER; [Hub.Join] lists further errors. When the server
// drains, the stream ends at once with [runtime.ErrDraining].
//
// The limits of the queue are those of opts, else those of the hub's options, else those of the
// RPC's policy.
func (m *Method[S, Req, Resp]) Serve(
	ctx context.Context, reqs runtime.Stream[Req],
	h *Hub[Resp], handler Handler[Req, Resp], opts ...MemberOption,
) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		key, err := m.key()
		if err == nil && h == nil {
			err = misuse("%s: Serve without a hub", m.info.FullMethod)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		s := &session[Req, Resp]{
			key: key, hub: h, handler: handler, reqs: reqs,
			limits: policyLimits(m.info.PolicyIn(ctx).Room), opts: slices.Clone(opts),
			joined: make(chan struct{}), failed: make(chan error, 1),
		}
		s.serve(ctx, yield)
	}
}
