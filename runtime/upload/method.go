package upload

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Method is an RPC of a service of Go type S that uploads files, each with a header of type H.
// Servers call [Method.Files], clients [Method.Send] and [Method.SendAll]. It is safe for
// concurrent use.
type Method[S, Req, Resp, H any] struct {
	info   runtime.MethodInfo
	call   func(S, context.Context, runtime.Stream[Req]) (*Resp, error)
	header func(*Req) *H
	facts  func() (*shape, error)
}

// Of returns the RPC that info describes, whose requests are chunks with the name of their file.
// The header of a file is its first chunk.
func Of[S, Req, Resp any](info runtime.MethodInfo, call func(S, context.Context, runtime.Stream[Req]) (*Resp, error), fields Fields) *Method[S, Req, Resp, Req] {
	return &Method[S, Req, Resp, Req]{info: info, call: call, header: func(req *Req) *Req { return req }, facts: factsOf[Req, Req](info, fields)}
}

// OfHeader returns the RPC that info describes, whose first request has a header.
func OfHeader[S, Req, Resp, H any](info runtime.MethodInfo, call func(S, context.Context, runtime.Stream[Req]) (*Resp, error), header func(*Req) *H, fields Fields) *Method[S, Req, Resp, H] {
	return &Method[S, Req, Resp, H]{info: info, call: call, header: header, facts: factsOf[Req, H](info, fields)}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp, H]) Info() runtime.MethodInfo { return m.info }

// factsOf returns a function that resolves the fields of a method once.
func factsOf[Req, H any](info runtime.MethodInfo, fields Fields) func() (*shape, error) {
	return sync.OnceValues(func() (*shape, error) {
		req, isReq := any((*Req)(nil)).(proto.Message)
		header, isHeader := any((*H)(nil)).(proto.Message)
		if !isReq || !isHeader {
			return nil, misuse("%s: %T or %T is not a message", info.FullMethod, req, header)
		}
		s, err := newShape(fields, req.ProtoReflect().Descriptor(), header.ProtoReflect().Descriptor())
		if err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		return s, nil
	})
}

// reflectOf returns the reflection of a message; factsOf has checked that M is one.
func reflectOf[M any](m *M) protoreflect.Message { return any(m).(proto.Message).ProtoReflect() }
