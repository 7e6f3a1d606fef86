package hub

import "context"

// Lose marks a loss in the queues of a room, as one of a bus.
func Lose[T any](h *Hub[T], key string, n int) { h.roomOf(key).lose(context.Background(), n) }

// KeysForTest returns how many keys the queue of a member keeps.
func KeysForTest[T any](m *Member[T]) int { return len(m.queue.at) }
