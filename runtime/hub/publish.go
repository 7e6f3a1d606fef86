package hub

import (
	"cmp"
	"context"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

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
	if r := h.roomOf(key); r != nil {
		err = r.publish(ctx, env, except)
	}
	return cmp.Or(err, h.forward(ctx, key, msg))
}

// envelope is a message that many queues share.
type envelope[T any] struct {
	msg    *T
	shared *encoded.Shared[T] // encodes it once; nil if it has too few receivers
	size   int64              // 0 while it is not known
	key    any                // of conflation; nil if the message replaces none
	uses   atomic.Int64       // queues that have it, and the publisher
}

// shareFrom is the number of receivers from which it is cheaper to encode a message once. With
// fewer, the copy that sharing takes costs more than it saves; see benchmarks.
const shareFrom = 3

// wrap asks for the key of a message while no lock is held.
func (h *Hub[T]) wrap(msg *T) (*envelope[T], error) {
	if h.err != nil {
		return nil, h.err
	}
	if msg == nil {
		return nil, misuse("a nil message was published")
	}
	if err := h.checker.Check(any(msg).(proto.Message)); err != nil {
		return nil, misuse("%T cannot be encoded: %w", msg, err)
	}
	env := &envelope[T]{msg: msg}
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
	if n >= shareFrom {
		env.shared = encoded.Share(env.msg)
	}
	env.uses.Store(int64(n) + 1)
}

// measure returns the size of a message. Only its publisher calls it, and only if the message has
// to wait: the size of a message with maps costs a quarter of its encoding.
func (h *Hub[T]) measure(env *envelope[T]) int64 {
	if env.size == 0 {
		env.size = int64(proto.Size(any(env.msg).(proto.Message)))
		h.bytes.Add(env.size)
	}
	return env.size
}

// release takes a message out of n queues.
func (h *Hub[T]) release(env *envelope[T], n int) {
	if env.uses.Add(int64(-n)) == 0 {
		h.bytes.Add(-env.size)
	}
}
