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

// Shared is a message that is sent to many streams. That of [Share] is encoded when the first of
// them sends it, once for each server and compressor that they use; that of [Shared.Encode] has
// been encoded before. It keeps the encoded forms, so the message must not change.
//
// Preparing a message for many streams costs a copy of the encoded message: do not share one that
// has only one receiver, or state it with [Shared.SendTo].
type Shared[T any] struct {
	msg      *T
	variants Variants
}

// Share returns msg for sending it to many streams.
func Share[T any](msg *T) *Shared[T] {
	s := &Shared[T]{msg: msg}
	s.variants.original, s.variants.msg = msg, msg
	return s
}

// Message returns the message itself.
func (s *Shared[T]) Message() *T { return s.msg }

// Sender is a call whose stream sends shared messages.
type Sender interface{ SendNext(*Variants) }

// SenderOf returns the call of ctx; nil if ctx is not that of a call over the network.
func SenderOf(ctx context.Context) Sender {
	call, _ := ctx.Value(callctx.Key{}).(Sender)
	return call
}

// Next announces to a call that the message of s is the next response of its stream. Call it
// immediately before the message is yielded. The message is sent as any other if the call is nil,
// if another message is sent first, or if the stream has its own codec or is wrapped by an
// interceptor of the grpc.Server.
func Next[T any](call Sender, s *Shared[T]) {
	if call != nil {
		call.SendNext(&s.variants)
	}
}

// Variants are the encoded forms of one message.
type Variants struct {
	original any
	msg      any            // what grpc encodes: original, or encoded
	encoded  message        // empty unless it was encoded before
	few      bool           // whether too few streams send it to prepare it
	forms    derived.Values // by format
}

// form is the message encoded for one format.
type form struct {
	once     sync.Once
	prepared *grpc.PreparedMsg // nil if it cannot be encoded
}

// Of reports whether the variants are those of msg.
func (v *Variants) Of(msg any) bool { return v.original == msg }

// Sendable returns what streams of the format send for the message.
func (v *Variants) Sendable(like *Format) any {
	if v.few {
		return v.msg
	}
	if prepared := v.prepared(like); prepared != nil {
		return prepared
	}
	return v.msg // fails with the error of the codec
}

// prepared returns the message as streams of the format send it; nil if it cannot be encoded.
func (v *Variants) prepared(like *Format) *grpc.PreparedMsg {
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
