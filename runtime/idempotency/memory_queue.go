package idempotency

import (
	"container/heap"
	"time"
)

// memoryEntry is an entry in memory.
type memoryEntry struct {
	Entry
	key      Key
	until    time.Time // the end of the lease, or of the window
	reserved int       // bytes reserved for a response that a transaction may commit
	inTx     bool      // a transaction decides its outcome
	released bool      // by its call, while it was part of a transaction
	queues   [2]*queue // the queue that it is in, by slot; nil if none
	index    [2]int    // its indexes in these queues
}

// Slots of an entry, which is in one queue per slot.
const (
	byTime  = iota // with entries of all principals
	byOwner        // with those of the same principal
)

// holds reports whether the entry prevents a claim.
func (e *memoryEntry) holds(now time.Time) bool { return e.inTx || now.Before(e.until) }

// size returns the size of the entry in bytes.
func (e *memoryEntry) size() int {
	return entrySize + len(e.key.Principal) + len(e.key.Method) + len(e.key.IdempotencyKey) + responseSize(len(e.Response)) + e.reserved
}

// responseSize returns an upper bound for the size of a response in memory: Go rounds up.
func responseSize(length int) int { return length + length/8 }

// queue holds entries ordered by the end of their time.
type queue struct {
	slot    int
	entries []*memoryEntry
}

func (q *queue) add(e *memoryEntry) {
	e.queues[q.slot] = q
	heap.Push(q, e)
}

// remove removes an entry if it is in this queue.
func (q *queue) remove(e *memoryEntry) {
	if e.queues[q.slot] == q {
		heap.Remove(q, e.index[q.slot])
		e.queues[q.slot] = nil
	}
}

// first returns the first entry, or nil.
func (q *queue) first() *memoryEntry {
	if len(q.entries) == 0 {
		return nil
	}
	return q.entries[0]
}

// over returns the first entry if its time has passed, or nil.
func (q *queue) over(now time.Time) *memoryEntry {
	if e := q.first(); e != nil && !e.holds(now) {
		return e
	}
	return nil
}

// Len, Less, Swap, Push and Pop are for package heap.

func (q *queue) Len() int { return len(q.entries) }

func (q *queue) Less(i, j int) bool { return q.entries[i].until.Before(q.entries[j].until) }

func (q *queue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	q.entries[i].index[q.slot], q.entries[j].index[q.slot] = i, j
}

func (q *queue) Push(e any) {
	entry := e.(*memoryEntry)
	entry.index[q.slot] = len(q.entries)
	q.entries = append(q.entries, entry)
}

func (q *queue) Pop() any {
	last := len(q.entries) - 1
	e := q.entries[last]
	q.entries[last] = nil
	q.entries = q.entries[:last]
	return e
}

// entrySize is the approximate memory of an entry without its texts and response, including that
// of a principal with a single entry.
const entrySize = 640
