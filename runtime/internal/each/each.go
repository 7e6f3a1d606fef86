// Package each ranges over iterators that may violate the rules of Go's iterators.
package each

import (
	"bytes"
	"fmt"
	"iter"
	"runtime/debug"
)

// Panic is the value of a panic of a body in the goroutine that called [Range].
type Panic struct {
	Value any
	Stack []byte // the stack of the goroutine that called the body
}

// LateYield is the log text for a late call of yield.
const LateYield = "yield was called after the stream had ended; wait in the iterator for the goroutines that yield"

// patience is the maximum number of late calls of an iterator.
const patience = 1000

// errIgnored is the error of Range for an iterator that exceeded patience.
var errIgnored = fmt.Errorf("the iterator ignored that yield returned false, %d times; return when it does", patience)

// Range calls body with each pair that seq yields until one of the two ends, as a range statement
// does.
//
// A range statement panics in the goroutine of the iterator if yield is called after the loop has
// ended, or by two goroutines at the same time. Nothing recovers that panic: the process exits.
// Range serializes the calls of yield instead. A call after the end returns false, and the first of
// them calls late. A panic of body stops the iteration, and Range panics with a *[Panic] after seq
// has returned.
//
// An iterator that ignores the result of yield may never return. In the goroutine of Range, yield
// unwinds such an iterator after a thousand late calls, and Range returns an error. In other
// goroutines, which may have other work, yield continues to return false.
//
// A message costs about 8 ns more than with a range statement, and no allocation.
func Range[V any](seq iter.Seq2[V, error], late func(), body func(V, error) bool) (ignored error) {
	return RangeInTurn(new(Turns), seq, late, body)
}

// RangeInTurn is [Range] for a stream: body has the turn of turns, and has sent a message if it
// returns true.
func RangeInTurn[V any](
	turns *Turns, seq iter.Seq2[V, error], late func(), body func(V, error) bool,
) (ignored error) {
	g := guard{turns: turns, late: late}
	defer g.raise()
	defer g.end(&ignored)
	seq(func(v V, err error) (more bool) {
		if !turns.tryTake() { // Take, which is not inlined
			turns.await()
		}
		if g.over {
			g.tooLate()
			return false
		}
		g.over = true // unless the body returns
		defer g.returned()
		more = body(v, err)
		g.over = !more
		return more
	})
	return nil
}

// guard is one iteration.
type guard struct {
	turns *Turns // guards the fields below
	late  func()
	over  bool
	ended bool // seq has returned
	lates int  // the number of late calls of yield
	panic *Panic
}

// tooLate counts a late call, and ends its turn.
func (g *guard) tooLate() {
	g.lates++
	first, again := g.lates == 1, !g.ended && g.lates%patience == 0
	g.turns.Done(false)
	if first && g.late != nil {
		g.callLate()
	}
	if again && inRange() {
		panic(errIgnored)
	}
}

// callLate calls late.
func (g *guard) callLate() {
	defer func() { _ = recover() }() // late only reports
	g.late()
}

// inRange reports whether the goroutine has called [RangeInTurn], and not only its yield.
func inRange() bool {
	return bytes.Contains(debug.Stack(), []byte("/internal/each.RangeInTurn[...]("))
}

// returned records a panic of the body, and ends its turn. It must be deferred itself, because it
// recovers.
func (g *guard) returned() {
	if g.over { // the body ended the loop, or did not return
		if value := recover(); value != nil {
			g.panic = panicOf(value)
		}
	}
	g.turns.Done(!g.over)
}

func panicOf(value any) *Panic {
	if p, ok := value.(*Panic); ok { // of a range within the body
		return p
	}
	return &Panic{Value: value, Stack: debug.Stack()}
}

// end rejects all later calls. It must be deferred itself, because it recovers errIgnored.
func (g *guard) end(ignored *error) {
	g.turns.Take()
	g.over, g.ended = true, true
	unwound := g.lates >= patience
	g.turns.Done(false)
	if !unwound {
		return
	}
	switch value := recover(); value {
	case nil:
	case errIgnored:
		*ignored = errIgnored
	default:
		panic(value)
	}
}

func (g *guard) raise() {
	if g.panic != nil {
		panic(g.panic)
	}
}
