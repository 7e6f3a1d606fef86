package limit

import "container/list"

// lines holds the waiting calls, in a queue per caller. The queues take turns, so that a caller
// with many calls does not delay the others. All operations take constant time.
type lines struct {
	byCaller map[string]*list.Element // of turns
	turns    list.List                // of *line, none of them empty: the first one is next
}

// line is the queue of one caller.
type line struct {
	caller string
	places list.List // of *place
}

// place is the place of a call in its queue.
type place struct {
	turn   chan struct{} // closed when the turn of the call has come
	caller string
	at     *list.Element // in its line
}

// length returns how many calls of a caller wait.
func (l *lines) length(caller string) int64 {
	at, ok := l.byCaller[caller]
	if !ok {
		return 0
	}
	return int64(at.Value.(*line).places.Len())
}

// push adds a call to the end of its caller's queue.
func (l *lines) push(caller string) *place {
	at, ok := l.byCaller[caller]
	if !ok {
		at = l.turns.PushBack(&line{caller: caller})
		if l.byCaller == nil {
			l.byCaller = make(map[string]*list.Element)
		}
		l.byCaller[caller] = at
	}
	p := &place{turn: make(chan struct{}), caller: caller}
	p.at = at.Value.(*line).places.PushBack(p)
	return p
}

// pop removes the call whose turn it is; there must be one.
func (l *lines) pop() *place {
	next := l.turns.Front()
	p := next.Value.(*line).places.Front().Value.(*place)
	l.turns.MoveToBack(next)
	l.remove(p)
	return p
}

// remove removes a call from its queue, and an empty queue from the turns.
func (l *lines) remove(p *place) {
	at := l.byCaller[p.caller]
	line := at.Value.(*line)
	line.places.Remove(p.at)
	if line.places.Len() == 0 {
		l.turns.Remove(at)
		delete(l.byCaller, p.caller)
	}
}
