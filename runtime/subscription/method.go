package subscription

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is a subscription of a service of Go type S. Servers call [Method.Serve], clients
// [Method.Resume].
type Method[S, Req, Resp any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) runtime.Stream[Resp]
	shape func() (*shape, error)
	// active counts the calls of Serve: events are encoded for sharing only if there are several.
	active atomic.Int64
	counts counts
}

// Of returns the subscription that info describes.
func Of[S, Req, Resp any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) runtime.Stream[Resp], fields Fields,
) *Method[S, Req, Resp] {
	shapeOf := func() (*shape, error) {
		req, reqOK := any((*Req)(nil)).(proto.Message)
		resp, respOK := any((*Resp)(nil)).(proto.Message)
		if !reqOK || !respOK {
			return nil, misuse("%s: %T or %T is not a message", info.FullMethod, req, resp)
		}
		s, err := newShape(fields, req.ProtoReflect().Descriptor(), resp.ProtoReflect().Descriptor())
		if err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		s.marks = len(s.nextPosition) > 0 && canBeAlone[Resp](s)
		return s, nil
	}
	return &Method[S, Req, Resp]{info: info, call: call, shape: sync.OnceValues(shapeOf)}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp]) Info() runtime.MethodInfo { return m.info }

// canBeAlone reports whether a response can be encoded with its position alone: it has no
// required fields.
func canBeAlone[Resp any](s *shape) bool {
	resp := reflectOf(new(Resp))
	s.nextPosition.SetText(resp, "position")
	return proto.CheckInitialized(resp.Interface()) == nil
}

// reflectOf returns the reflection of a message; Of has checked that M is one.
func reflectOf[M any](m *M) protoreflect.Message {
	return any(m).(proto.Message).ProtoReflect()
}

// cloneOf returns a copy of a message, or an empty one for nil.
func cloneOf[M any](m *M) *M {
	if m == nil {
		return new(M)
	}
	copied := new(M)
	proto.Merge(any(copied).(proto.Message), any(m).(proto.Message))
	return copied
}
