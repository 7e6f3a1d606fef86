package web

import (
	"context"
	"time"

	"google.golang.org/grpc/status"
)

// WriteStatus implements [server.FrontCall].
func (c *call) WriteStatus(st *status.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() {
		return errOver
	}
	if c.status == nil {
		c.status = st
	}
	c.interruptLocked(st.Err())
	if c.cancel != nil {
		c.cancel()
	}
	return nil
}

// SetReadDeadline implements [server.FrontCall]. A timer interrupts the read: deadlines of
// connections would also end the watch for a client that goes away.
func (c *call) SetReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() {
		return
	}
	c.stopDeadline()
	if !c.body.ended.Load() {
		c.reading = c.handler.timers.start(c, time.Until(t))
	}
}

// stopReading stops the timer for reading.
func (c *call) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopDeadline()
}

// stopDeadline stops the timer for reading; c is locked.
func (c *call) stopDeadline() {
	if c.reading != nil {
		c.handler.timers.stop(c.reading)
		c.reading = nil
	}
}

// errLate is the error of a request that has not arrived within its time.
var errLate = status.FromContextError(context.DeadlineExceeded).Err()

// Interrupt implements [server.FrontCall]. The first reason counts: interrupting a read of HTTP/1.1
// also ends the context of the request.
func (c *call) Interrupt(because error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interruptLocked(because)
}

func (c *call) interruptLocked(because error) {
	if c.finished || c.body.ended.Load() {
		return
	}
	if c.why == nil {
		c.why = because
	}
	_ = c.control.SetReadDeadline(longAgo)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Abort implements [server.FrontCall].
func (c *call) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	c.aborted = true
	c.interruptLocked(errGone)
	if c.cancel != nil {
		c.cancel()
	}
	_ = c.control.SetWriteDeadline(longAgo)
}
