package operation

import (
	"container/heap"
	"time"
)

// entry is an operation of a memory store.
type entry struct {
	rec   *Record
	order int64         // of creation
	news  chan struct{} // closed when there is something that watchers wait for; nil where nobody does

	in    *queue // nil for none
	at    time.Time
	index int
}

// tell tells those who watch.
func (e *entry) tell() {
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

// queue is entries by time.
type queue struct{ heap entryHeap }

// add adds an entry that is in no queue.
func (q *queue) add(e *entry, at time.Time) {
	e.in, e.at = q, at
	heap.Push(&q.heap, e)
}

func (q *queue) remove(e *entry) {
	heap.Remove(&q.heap, e.index)
	e.in = nil
}

// first returns the entry whose time is first, if that is reached; else nil.
func (q *queue) first(now time.Time) *entry {
	if len(q.heap) == 0 || q.heap[0].at.After(now) {
		return nil
	}
	return q.heap[0]
}

// entryHeap implements heap.Interface.
type entryHeap []*entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].before(h[j]) }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }

// Push implements heap.Interface.
func (h *entryHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *entryHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	return e
}
