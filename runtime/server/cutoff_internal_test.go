package server

import (
	"context"
	"testing"
)

// TestAnEndedContextKeepsItsError looks at the context of a unary call at each step of a shutdown: a
// method that returns its cause, once it has an error, must not return nil.
func TestAnEndedContextKeepsItsError(t *testing.T) {
	for _, watched := range []bool{false, true} {
		m := &method{pipeline: &pipeline{drain: newDrain()}}
		c := &callContext{Context: context.Background()}
		c.call.method = m
		ctx := (*lazyContext)(c)
		if watched {
			ctx.Done()
		}
		for _, step := range []func(){
			func() {}, m.drain.expire, func() { m.live.expire() }, func() { c.lazy.Swap(lazyOver) },
		} {
			step()
			if err, again := ctx.Err(), ctx.Err(); again != err {
				t.Errorf("the error was %v, and is %v", err, again)
			}
		}
	}
}
