package hub

import (
	"cmp"
	"context"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// PublishOption configures one [Hub.Publish].
type PublishOption struct{ except uint64 }

// Except does not deliver the message to one member: its author.
func Except[T any](m *Member[T]) PublishOption { return PublishOption{except: m.id} }

// Publish delivers a message to the members of a room and, with a bus, to those of other replicas.
// It does not wait for members, except in rooms that [Block]. A room without members is no error.
// The message must not be modified afterwards.
//
// If ctx ends while Publish waits, it returns the error of ctx; members that had room have the
// message, and the others have lost it. If the bus fails, the error is UNAVAILABLE, reason
// BUS_FAILED; the members of this replica have the message. A message that cannot be encoded, such
// as one with text that is not UTF-8, is INTERNAL, and no member has it. A room key that is empty or longer than
// 256 bytes is INVALID_ARGUMENT.
func (h *Hub[T]) Publish(ctx context.Context, key string, msg *T, opts ...PublishOption) error {
	var except uint64
	for _, opt := range opts {
		except = opt.except
	}
	env, err := h.wrap(msg)
	if err != nil {
		return err
	}
	if wrong := checkKey(key); wrong != "" {
		return invalidKey("room", wrong)
	}
	h.counts.published.Add(1)
	if r := h.roomOf(key); r != nil {
		err = r.publish(ctx, env, except)
	}
	return cmp.Or(err, h.forward(ctx, key, msg))
}

// envelope is a message that many queues share.
type envelope[T any] struct {
	msg    *T
	shared encoded.Shared[T] // with its encoded form
	key    any               // of conflation; nil if the message replaces none
	uses   atomic.Int64      // queues that have it, and the publisher
}

// wrap encodes a message and asks for its key, while no lock is held.
func (h *Hub[T]) wrap(msg *T) (*envelope[T], error) {
	if h.err != nil {
		return nil, h.err
	}
	if msg == nil {
		return nil, misuse("a nil message was published")
	}
	env := &envelope[T]{msg: msg}
	if err := env.shared.Encode(msg); err != nil {
		return nil, misuse("%T cannot be encoded: %w", msg, err)
	}
	if h.conflate != nil {
		env.key = h.conflate(msg)
		if !equalsItself(env.key) {
			env.key = nil // it equals no key, not even itself
		}
	}
	return env, nil
}

// equalsItself reports whether a key can be found again: not if it is NaN. It panics if a key of an
// interface type cannot be compared: here, and not under a lock.
func equalsItself(key any) bool {
	same := key
	return key == same
}

// hold counts the message in n queues, and for its publisher.
func (h *Hub[T]) hold(env *envelope[T], n int) {
	env.shared.SendTo(n)
	env.uses.Store(int64(n) + 1)
	h.bytes.Add(env.size())
}

// size returns the encoded size of the message in bytes.
func (e *envelope[T]) size() int64 { return int64(e.shared.Size()) }

// release takes a message out of n queues.
func (h *Hub[T]) release(env *envelope[T], n int) {
	if env.uses.Add(int64(-n)) == 0 {
		h.bytes.Add(-env.size())
	}
}
