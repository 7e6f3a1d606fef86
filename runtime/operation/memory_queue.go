package operation

import (
	"container/heap"
	"time"
)

// entry is an operation of a memory store.
type entry struct {
	rec   *Record
	order int64         // of creation
	news  chan struct{} // closed to notify watchers; nil without watchers

	at    time.Time // in its queues
	in    [2]*queue // by slot; nil for none
	index [2]int    // in these
}

// Slots of an entry, which is in one queue per slot.
const (
	byTime  = iota // with those of all principals
	byOwner        // with those of its principal that are done
)

// notify notifies watchers.
func (e *entry) notify() {
	if e.news != nil {
		close(e.news)
		e.news = nil
	}
}

// before is the order in queues.
func (e *entry) before(other *entry) bool {
	if e.at.Equal(other.at) {
		return e.order < other.order
	}
	return e.at.Before(other.at)
}

// queue holds entries by time.
type queue struct {
	slot    int
	entries []*entry
}

// add adds an entry that is in no queue of the slot.
func (q *queue) add(e *entry, at time.Time) {
	e.in[q.slot], e.at = q, at
	heap.Push(q, e)
}

// dequeue removes an entry from its queue of a slot.
func (e *entry) dequeue(slot int) {
	if q := e.in[slot]; q != nil {
		heap.Remove(q, e.index[slot])
		e.in[slot] = nil
	}
}

// first returns the first entry if its time is reached, or nil.
func (q *queue) first(now time.Time) *entry {
	if len(q.entries) == 0 || q.entries[0].at.After(now) {
		return nil
	}
	return q.entries[0]
}

// Len, Less, Swap, Push and Pop are for package heap.

func (q *queue) Len() int           { return len(q.entries) }
func (q *queue) Less(i, j int) bool { return q.entries[i].before(q.entries[j]) }

func (q *queue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	q.entries[i].index[q.slot], q.entries[j].index[q.slot] = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index[q.slot] = len(q.entries)
	q.entries = append(q.entries, e)
}

func (q *queue) Pop() any {
	last := len(q.entries) - 1
	e := q.entries[last]
	q.entries[last], q.entries = nil, q.entries[:last]
	return e
}
