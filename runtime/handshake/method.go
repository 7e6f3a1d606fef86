package handshake

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Fields names the fields of a handshake: paths of proto names, with dots into nested messages
// ("setup.config"). Generated code sets them. If a path does not exist, every use of the method
// returns INTERNAL, and the log names the path.
type Fields struct {
	// Arm is the field that only the first request has: a message, an enum or a scalar.
	Arm string
}

// Method is a bidi RPC of a service of Go type S whose first request has a configuration of type H.
// Servers call [Method.Serve], clients [Method.Converse]. It is safe for concurrent use.
type Method[S, Req, Resp, H any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, runtime.Stream[Req]) runtime.Stream[Resp]
	arm   func(*Req) H
	facts func() (*facts[H], error)
}

// facts is what a method resolves on first use.
type facts[H any] struct {
	name    string
	path    []protoreflect.FieldDescriptor
	convert fieldvalue.Converter[H]
}

// Of returns the RPC that info describes. arm returns the configuration of a request.
func Of[S, Req, Resp, H any](info runtime.MethodInfo, call func(S, context.Context, runtime.Stream[Req]) runtime.Stream[Resp], arm func(*Req) H, fields Fields) *Method[S, Req, Resp, H] {
	return &Method[S, Req, Resp, H]{info: info, call: call, arm: arm, facts: sync.OnceValues(func() (*facts[H], error) {
		req, ok := any((*Req)(nil)).(proto.Message)
		if !ok {
			return nil, misuse("%s: %T is not a message", info.FullMethod, (*Req)(nil))
		}
		f, err := newFacts[H](fields, req.ProtoReflect().Descriptor())
		if err != nil {
			return nil, misuse("%s: %w", info.FullMethod, err)
		}
		return f, nil
	})}
}

func newFacts[H any](fields Fields, req protoreflect.MessageDescriptor) (f *facts[H], err error) {
	f = &facts[H]{name: fields.Arm}
	if f.path, err = fieldpath.Find(req, fields.Arm); err != nil {
		return nil, err
	}
	f.convert, err = fieldvalue.To[H](f.path[len(f.path)-1])
	return f, err
}

// in reports whether a request has the arm.
func (f *facts[H]) in(m protoreflect.Message) bool {
	last := len(f.path) - 1
	for _, field := range f.path[:last] {
		if !m.Has(field) {
			return false
		}
		m = m.Get(field).Message()
	}
	return m.Has(f.path[last])
}

// Info describes the RPC.
func (m *Method[S, Req, Resp, H]) Info() runtime.MethodInfo { return m.info }

// Converse calls the RPC of client and sends config as its first request. The caller must call
// Close of the conversation.
func (m *Method[S, Req, Resp, H]) Converse(ctx context.Context, client S, config H) (*stream.Conversation[Req, Resp], error) {
	f, err := m.facts()
	if err != nil {
		return nil, err
	}
	value, ok := f.convert(config)
	if !ok {
		return nil, misuse("%s: the configuration is nil", m.info.FullMethod)
	}
	first := new(Req)
	fieldpath.Holder(f.path, reflectOf(first)).Set(f.path[len(f.path)-1], value)
	c := stream.Converse(ctx, func(ctx context.Context, reqs runtime.Stream[Req]) runtime.Stream[Resp] {
		return m.call(client, ctx, reqs)
	})
	if err := c.Send(first); err != nil {
		defer c.Close()
		if _, ended := c.Receive(); ended != nil { // returns why it was not taken
			return nil, ended
		}
		return nil, err
	}
	return c, nil
}

// reflectOf returns the reflection of a message; facts has checked that M is one.
func reflectOf[M any](m *M) protoreflect.Message { return any(m).(proto.Message).ProtoReflect() }
