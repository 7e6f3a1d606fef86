package web

import (
	"io"
	"time"
)

// What is read and dropped of a request of HTTP/1.1 that its call does not read to the end.
const (
	leftoverTime  = time.Second
	leftoverBytes = 256 << 10
)

// settleRequest runs before the header of a response over HTTP/1.1: unless the request has ended,
// the connection is closed after the response. net/http, in full duplex, would take what follows
// for another request, or panic in the next one.
func (c *call) settleRequest() {
	if c.body.ended.Load() {
		return
	}
	if c.info == nil || c.over.Load() {
		c.dropLeftover()
	}
	if !c.body.ended.Load() {
		c.response.Header().Set("Connection", "close")
	}
}

// dropLeftover reads the rest of the request, so that the connection can be used again, and the
// client reads the response instead of failing to write.
func (c *call) dropLeftover() {
	if c.body.ended.Load() {
		return
	}
	c.mu.Lock()
	interrupted := c.why != nil
	c.mu.Unlock()
	if !interrupted {
		_ = c.control.SetReadDeadline(time.Now().Add(leftoverTime))
	}
	_, _ = io.CopyN(io.Discard, &c.body, leftoverBytes)
	if c.body.ended.Load() {
		_ = c.control.SetReadDeadline(time.Time{})
	}
}
