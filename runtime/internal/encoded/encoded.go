// Package encoded encodes a message that is sent to many streams once, instead of once for each
// stream.
package encoded

import (
	"context"
	"sync"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/derived"
)

// Shared is a message that is sent to many streams. It is encoded when the first of them sends it,
// once for each server and compressor that they use. It keeps the encoded forms, so the message must
// not change.
//
// Encoding for sharing costs a copy of the encoded message: do not share a message that has only
// one receiver.
type Shared[T any] struct {
	msg      *T
	variants Variants
}

// Share returns msg for sending it to many streams.
func Share[T any](msg *T) *Shared[T] {
	s := &Shared[T]{msg: msg}
	s.variants.msg = msg
	return s
}

// Message returns the message itself.
func (s *Shared[T]) Message() *T { return s.msg }

// Next announces to the call of ctx that the message of s is the next response of its stream. Call
// it immediately before the message is yielded. The message is sent as any other if ctx is not that
// of a call over the network, if another message is sent first, or if the stream has a codec of its
// own or is wrapped by an interceptor of the grpc.Server.
func Next[T any](ctx context.Context, s *Shared[T]) {
	if call, ok := ctx.Value(callctx.Key{}).(interface{ SendNext(*Variants) }); ok {
		call.SendNext(&s.variants)
	}
}

// Variants are the encoded forms of one message.
type Variants struct {
	msg   any
	forms derived.Values // by format
}

// form is the message encoded for one format.
type form struct {
	once     sync.Once
	prepared *grpc.PreparedMsg // nil if it cannot be encoded
}

// Of reports whether the variants are those of msg.
func (v *Variants) Of(msg any) bool { return v.msg == msg }

// Prepared returns the message as streams of the format send it; nil if it cannot be encoded.
func (v *Variants) Prepared(like *Format) *grpc.PreparedMsg {
	f, found := v.forms.Load(like, nil).(*form)
	if !found {
		f = v.forms.LoadOrStore(like, nil, new(form)).(*form)
	}
	f.once.Do(func() {
		prepared := new(grpc.PreparedMsg)
		if prepared.Encode(like, v.msg) == nil {
			f.prepared = prepared
		}
	})
	return f.prepared
}
