// Package each ranges over iterators that are not trusted to keep Go's rules for them.
package each

import (
	"iter"
	"runtime/debug"
	"sync"
)

// Panic is what a panic of a body becomes in the goroutine that called [Range].
type Panic struct {
	Value any
	Stack []byte // of the goroutine that called the body
}

// LateYield is what a log says of a late call of yield.
const LateYield = "yield was called after the stream had ended; wait in the iterator for the goroutines that yield"

// Range calls body with each pair that seq yields until one of the two is done, as a range statement does.
//
// A range statement panics in the goroutine of the iterator if yield is called after the loop is done, or by two goroutines at the
// same time, and nothing recovers there: the process exits. Range instead serializes the calls of yield; one that comes after the end
// returns false, and the first of those calls late. A panic of body stops the iteration and is raised again, as a *[Panic], when
// seq has returned. A message costs some 20 ns more than with a range statement, and no allocation.
func Range[V any](seq iter.Seq2[V, error], late func(), body func(V, error) bool) {
	g := guard[V]{body: body, late: late}
	defer g.raise()
	defer g.end()
	seq(g.yield)
}

// guard is one iteration.
type guard[V any] struct {
	body  func(V, error) bool
	late  func()
	mu    sync.Mutex
	over  bool
	told  bool // late was called
	panic *Panic
}

func (g *guard[V]) yield(v V, err error) (more bool) {
	g.mu.Lock()
	if g.over {
		g.tell()
		return false
	}
	g.over = true // unless the body returns
	defer g.leave()
	more = g.body(v, err)
	g.over = !more
	return more
}

// tell calls late once, and unlocks g before.
func (g *guard[V]) tell() {
	told := g.told
	g.told = true
	g.mu.Unlock()
	if told || g.late == nil {
		return
	}
	defer func() { _ = recover() }() // late only reports
	g.late()
}

// leave keeps a panic of the body, and unlocks g; it must be deferred itself.
func (g *guard[V]) leave() {
	if g.over { // the body is done, or did not return
		if value := recover(); value != nil {
			g.panic = panicOf(value)
		}
	}
	g.mu.Unlock()
}

func panicOf(value any) *Panic {
	if p, ok := value.(*Panic); ok { // of a range within the body
		return p
	}
	return &Panic{Value: value, Stack: debug.Stack()}
}

func (g *guard[V]) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
}

func (g *guard[V]) raise() {
	if g.panic != nil {
		panic(g.panic)
	}
}
