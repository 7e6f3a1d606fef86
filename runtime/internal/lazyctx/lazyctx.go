// Package lazyctx has a context for a call that costs no timer and no list of its parent until
// something waits for its end.
package lazyctx

import (
	"context"
	"sync/atomic"
	"time"
)

// Context ends at its deadline, with its parent, or by End. It may be used by several goroutines;
// its exported fields are set before. It must not be copied.
type Context struct {
	// Context is the parent.
	context.Context
	// Until is the deadline; zero for that of the parent.
	Until time.Time

	made atomic.Pointer[ending]
}

// ending is the context that Done makes.
type ending struct {
	context.Context
	cancel context.CancelFunc
}

// over replaces the ending of a context that has ended without one.
var over = func() *ending {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ending{ctx, cancel}
}()

// Deadline implements [context.Context].
func (c *Context) Deadline() (time.Time, bool) {
	earlier, ok := c.Context.Deadline()
	if c.Until.IsZero() || ok && earlier.Before(c.Until) {
		return earlier, ok
	}
	return c.Until, true
}

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} { return c.ending().Done() }

// ending returns the context that Done makes.
func (c *Context) ending() *ending {
	if made := c.made.Load(); made != nil {
		return made
	}
	made := new(ending)
	if c.Until.IsZero() {
		made.Context, made.cancel = context.WithCancel(c.Context)
	} else {
		made.Context, made.cancel = context.WithDeadline(c.Context, c.Until)
	}
	if !c.made.CompareAndSwap(nil, made) {
		made.cancel()
	}
	return c.made.Load()
}

// Err implements [context.Context].
func (c *Context) Err() error {
	switch made := c.made.Load(); {
	case made != nil:
		return made.Err()
	case c.Until.IsZero() || time.Now().Before(c.Until):
		return c.Context.Err()
	default: // it stays the same after the end
		return c.ending().Err()
	}
}

// Value implements [context.Context]. It finds the context that Done has made, so that contexts
// derived from it cost no goroutine.
func (c *Context) Value(key any) any {
	if made := c.made.Load(); made != nil && made != over {
		return made.Value(key)
	}
	return c.Context.Value(key)
}

// End ends the context. One that has ended before keeps its error.
func (c *Context) End() {
	if c.made.Load() == nil && c.Context.Err() != nil {
		c.ending()
	}
	if !c.made.CompareAndSwap(nil, over) {
		c.made.Load().cancel()
	}
}
