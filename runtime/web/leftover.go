package web

import (
	"errors"
	"io"
	"net/http"
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
	c.limitLeftover()
	c.mu.Unlock()
	_, _ = io.CopyN(io.Discard, &c.body, leftoverBytes)
	if c.body.ended.Load() {
		_ = c.response.control.SetReadDeadline(time.Time{})
	}
}

// limitLeftover limits the time in which net/http reads the rest of a request that is no call, before
// it sends the response. A fallback may have taken over the connection.
func limitLeftover(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor > 1 || r.Body == http.NoBody {
		return
	}
	if _, err := w.Write(nil); !errors.Is(err, http.ErrHijacked) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(leftoverTime))
	}
}

// limitLeftover limits the time for the rest of the request of a call, unless reading is interrupted:
// before the response, or after a call whose header was sent before it ended. c is locked.
func (c *call) limitLeftover() {
	if c.request.ProtoMajor == 1 && !c.body.ended.Load() && c.why == nil {
		_ = c.response.control.SetReadDeadline(time.Now().Add(leftoverTime))
	}
}

// limitQuery limits the time in which the protocol looks for the body that a GET must not have.
func (c *call) limitQuery(r *http.Request) {
	if r.Method == http.MethodGet && !c.body.ended.Load() {
		_ = c.response.control.SetReadDeadline(time.Now().Add(leftoverTime))
	}
}
