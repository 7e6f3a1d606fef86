package hub

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// smallest is the size of a queue's first ring.
const smallest = 4

// envelope is a message that many queues share.
type envelope[T any] struct {
	msg    *T
	shared encoded.Shared[T] // with its encoded form
	key    any               // of conflation; nil if the message replaces none
	uses   atomic.Int64      // queues that have it, and the publisher
}

// size returns the encoded size of the message in bytes.
func (e *envelope[T]) size() int64 { return int64(e.shared.Size()) }

// entry is a message in a queue, or only a loss.
type entry[T any] struct {
	env  *envelope[T]
	size int64 // what it counts in the queue
	lost int   // messages lost before it
}

// queue is a ring of messages that grows when it is full and shrinks when it was mostly empty. Its
// zero value is empty and has no ring.
type queue[T any] struct {
	ring  []entry[T]
	head  int
	len   int
	peak  int // the highest len since the queue was empty
	bytes int64
	lost  int            // messages lost after the last entry
	taken uint64         // entries taken so far
	at    map[any]uint64 // the entry of each key, counted as taken is; nil without keys
}

// put adds a message of size bytes at the end.
func (q *queue[T]) put(env *envelope[T], size int64) {
	if q.len == len(q.ring) {
		q.resize(max(smallest, 2*q.len))
	}
	if env.key != nil {
		if q.at == nil {
			q.at = make(map[any]uint64)
		}
		q.at[env.key] = q.taken + uint64(q.len)
	}
	*q.slot(q.len) = entry[T]{env: env, size: size, lost: q.lost}
	q.lost = 0
	q.len++
	q.peak = max(q.peak, q.len)
	q.bytes += size
}

// slot returns the i-th entry.
func (q *queue[T]) slot(i int) *entry[T] { return &q.ring[(q.head+i)%len(q.ring)] }

// same returns the waiting message with the key of env.
func (q *queue[T]) same(env *envelope[T]) *entry[T] {
	if env.key == nil {
		return nil
	}
	number, ok := q.at[env.key]
	if !ok {
		return nil
	}
	return q.slot(int(number - q.taken))
}

// replace replaces a waiting message with env, and returns it.
func (q *queue[T]) replace(had *entry[T], env *envelope[T], size int64) (old *envelope[T]) {
	q.bytes += size - had.size
	old, had.env, had.size = had.env, env, size
	return old
}

// take removes the first message. If there is none, it returns what was lost since the last one.
func (q *queue[T]) take() (first entry[T], ok bool) {
	if q.len == 0 {
		first.lost, q.lost = q.lost, 0
		return first, first.lost > 0
	}
	slot := q.slot(0)
	first, *slot = *slot, entry[T]{}
	if key := first.env.key; key != nil && q.at[key] == q.taken {
		delete(q.at, key)
	}
	q.head = (q.head + 1) % len(q.ring)
	q.len--
	q.taken++
	q.bytes -= first.size
	if q.len == 0 {
		q.settle()
	}
	return first, true
}

// drop loses the first message, which it returns.
func (q *queue[T]) drop() *envelope[T] {
	first, _ := q.take()
	lost := &q.lost
	if q.len > 0 {
		lost = &q.slot(0).lost
	}
	*lost += first.lost + 1
	return first.env
}

// settle halves the ring if a quarter of it was enough since the queue was last empty.
func (q *queue[T]) settle() {
	if len(q.ring) > smallest && 4*q.peak <= len(q.ring) {
		q.resize(len(q.ring) / 2)
	}
	q.peak = 0
}

func (q *queue[T]) resize(n int) {
	ring := make([]entry[T], n)
	for i := range q.len {
		ring[i] = *q.slot(i)
	}
	q.ring, q.head = ring, 0
}
