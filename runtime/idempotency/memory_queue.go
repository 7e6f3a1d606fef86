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
	inTx     bool      // a transaction decides what becomes of it
	released bool      // by its call, while it was part of a transaction
	queue    *queue    // that it is in; nil for none
	index    int       // in the queue
}

// holds says whether the entry stands in the way of a claim.
func (e *memoryEntry) holds(now time.Time) bool { return e.inTx || now.Before(e.until) }

func (e *memoryEntry) size() int {
	return entrySize + len(e.key.Principal) + len(e.key.Method) + len(e.key.RequestID) + len(e.Response)
}

// queue has entries, the one first whose time is over first.
type queue struct {
	entries []*memoryEntry
	bytes   int // of all entries, whose sizes do not change meanwhile
}

func (q *queue) add(e *memoryEntry) {
	e.queue = q
	q.bytes += e.size()
	heap.Push(q, e)
}

// remove removes an entry, if it is in this queue.
func (q *queue) remove(e *memoryEntry) {
	if e.queue == q {
		heap.Remove(q, e.index)
		q.bytes -= e.size()
		e.queue = nil
	}
}

// first returns the first entry, nil where there is none.
func (q *queue) first() *memoryEntry {
	if len(q.entries) == 0 {
		return nil
	}
	return q.entries[0]
}

// over returns the first entry if its time is over.
func (q *queue) over(now time.Time) *memoryEntry {
	if e := q.first(); e != nil && !e.holds(now) {
		return e
	}
	return nil
}

// Len, Less, Swap, Push and Pop are for package heap.

func (q *queue) Len() int           { return len(q.entries) }
func (q *queue) Less(i, j int) bool { return q.entries[i].until.Before(q.entries[j].until) }

func (q *queue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	q.entries[i].index, q.entries[j].index = i, j
}

func (q *queue) Push(e any) {
	entry := e.(*memoryEntry)
	entry.index = len(q.entries)
	q.entries = append(q.entries, entry)
}

func (q *queue) Pop() any {
	last := len(q.entries) - 1
	e := q.entries[last]
	q.entries[last] = nil
	q.entries = q.entries[:last]
	return e
}
