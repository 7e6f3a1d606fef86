package hub

import (
	"cmp"
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
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
// BUS_FAILED; the members of this replica have the message. No member has a message that cannot be
// encoded, such as one with text that is not UTF-8 (INTERNAL), or that is larger than the bus takes
// (RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE). A room key that is empty or longer than 256 bytes
// is INVALID_ARGUMENT.
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
	if err := h.checkSize(env.size()); err != nil {
		return err
	}
	h.counts.published.Add(1)
	if r := h.roomOf(key); r != nil {
		err = r.publish(ctx, env, except)
	}
	return cmp.Or(err, h.forward(ctx, key, msg))
}

// forward sends a message to other replicas.
func (h *Hub[T]) forward(ctx context.Context, key string, msg *T) error {
	bus := h.settings.bus
	if bus == nil {
		return nil
	}
	data := append(append(make([]byte, 0, 512), format), h.origin[:]...)
	data, err := proto.MarshalOptions{}.MarshalAppend(data, any(msg).(proto.Message))
	if err != nil {
		return misuse("%T cannot be encoded: %w", msg, err)
	}
	err = bus.Publish(ctx, key, data)
	switch {
	case errors.Is(err, ErrTooLarge): // the limit has changed
		return ReasonMessageTooLarge.Errorf(codes.ResourceExhausted,
			"the message is too large for the room; send a smaller message").WithCause(err)
	case err != nil:
		return h.busFailed(err)
	}
	return nil
}

// Send delivers a message to this member only, in order with those of the room. It returns
// [ErrLeft] if the member has left.
func (m *Member[T]) Send(ctx context.Context, msg *T) error {
	env, err := m.hub.wrap(msg)
	if err != nil {
		return err
	}
	if m.left() != nil {
		return ErrLeft
	}
	m.hub.counts.published.Add(1)
	return m.room.send(ctx, env, m)
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
