package hub

import "context"

// notice asks for the message about a member; nil for none. No lock is held.
func (h *Hub[T]) notice(m *Member[T], event Presence) (*envelope[T], error) {
	if h.presence == nil {
		return nil, nil
	}
	msg := h.presence(m, event)
	if msg == nil {
		return nil, nil
	}
	return h.wrap(msg)
}

// leave removes the member, and notifies the room once, even if the member's stream has ended for
// another reason.
func (m *Member[T]) leave(ctx context.Context, err error) {
	m.withdraw(err)
	if m.hub.presence == nil || m.notified.Swap(true) {
		return
	}
	if msg := m.hub.presence(m, Left); msg != nil {
		// The context of a member that leaves has often ended.
		_ = m.hub.Publish(context.WithoutCancel(ctx), m.room.key, msg) // at most once
	}
}

// Leave removes the member from its room and ends its stream. Only the first call has an effect.
func (m *Member[T]) Leave(ctx context.Context) { m.leave(ctx, nil) }
