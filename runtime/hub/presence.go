package hub

import "context"

// Presence is what a notice of [WithPresence] is about.
type Presence int

const (
	// Joined means that a member joins.
	Joined Presence = iota + 1
	// Left means that a member has left or was disconnected.
	Left
)

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
	if m.hub.presence == nil || m.told.Swap(true) {
		return
	}
	if msg := m.hub.presence(m, Left); msg != nil {
		// The context of a member that leaves has often ended.
		_ = m.hub.Publish(context.WithoutCancel(ctx), m.room.key, msg) // at most once
	}
}
