package each

import (
	"sync"
	"sync/atomic"
)

// Turns lets one goroutine at a time send on a stream, and shows others what it is doing. It is a
// mutex and a counter in one word, so that a message costs two atomic operations instead of four.
// The zero value is ready to use.
//
// The word is the number of messages that were sent, above two bits:
//
//	taken    A goroutine has the turn. It is sending the next message.
//	awaited  Another goroutine waits for the turn, and gets it next.
//
// A turn without contention sets taken, and at its end clears it and counts the message, both at
// once. While awaited is set, no other goroutine takes the turn, so none waits for ever.
type Turns struct {
	state atomic.Uint64
	line  sync.Mutex    // held by the goroutine that waits; others queue here
	freed chan struct{} // receives at the end of a turn that was awaited
}

const (
	taken = 1 << iota
	awaited
	message // the unit of the counter
)

// Take waits for the turn. Call [Turns.Done] at its end.
func (t *Turns) Take() {
	if !t.tryTake() {
		t.await()
	}
}

func (t *Turns) tryTake() bool {
	state := t.state.Load()
	return state&(taken|awaited) == 0 && t.state.CompareAndSwap(state, state|taken)
}

// await waits in line for the turn.
func (t *Turns) await() {
	t.line.Lock()
	defer t.line.Unlock()
	if t.freed == nil {
		t.freed = make(chan struct{}, 1)
	}
	for {
		switch state := t.state.Load(); {
		case state&taken == 0:
			if t.state.CompareAndSwap(state, state|taken) {
				return
			}
		case t.state.CompareAndSwap(state, state|awaited):
			<-t.freed
			t.state.Add(^uint64(0)) // taken instead of awaited; no other goroutine has taken it
			return
		}
	}
}

// Done ends a turn. sent reports whether a message was sent in it.
func (t *Turns) Done(sent bool) {
	change := ^uint64(0) // minus taken
	if sent {
		change = message - taken
	}
	if t.state.Add(change)&awaited != 0 {
		t.freed <- struct{}{}
	}
}

// Count counts a message that was sent without a turn.
func (t *Turns) Count() { t.state.Add(message) }

// Sent returns the number of messages that were sent.
func (t *Turns) Sent() int64 { return int64(t.state.Load() / message) }

// Sending returns the number of the message that is being sent, counted from 1; 0 if none is.
func (t *Turns) Sending() int64 {
	state := t.state.Load()
	if state&taken == 0 {
		return 0
	}
	return int64(state/message) + 1
}
