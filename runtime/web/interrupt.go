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

// SetReadDeadline implements [server.FrontCall]. Over HTTP/1.1, the connection has the deadline, which
// costs less than a timer; net/http removes it when the request has ended, and watches for a client
// that goes away.
func (c *call) SetReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() || c.why != nil {
		return
	}
	c.stopDeadline()
	switch {
	case c.body.ended.Load():
	case c.conn != nil && c.request.ProtoMajor == 1:
		if c.response.control.SetReadDeadline(t) == nil {
			c.until = t.UnixNano()
		}
	default:
		c.reading = c.handler.timers.start(c, time.Until(t))
	}
}

// stopReading removes the deadline for reading.
func (c *call) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopDeadline()
}

// stopDeadline removes the deadline for reading; c is locked.
func (c *call) stopDeadline() {
	if c.reading != nil {
		c.handler.timers.stop(c.reading)
		c.reading = nil
	}
	if c.until != 0 && c.why == nil {
		_ = c.response.control.SetReadDeadline(time.Time{})
	}
	c.until = 0
}

// isLate reports whether the deadline of the connection has passed. net/http may have another error
// then, and ends the context of the request. c is locked.
func (c *call) isLate() bool { return c.until != 0 && time.Now().UnixNano() >= c.until }

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
	switch {
	case c.why != nil:
	case c.isLate():
		c.why = errLate
	default:
		c.why = because
	}
	_ = c.response.control.SetReadDeadline(longAgo)
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
	_ = c.response.control.SetWriteDeadline(longAgo)
}
