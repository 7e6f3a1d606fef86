package h2conn

import (
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/mem"
)

// calm is the code of the RST_STREAM of an aborted stream, ENHANCE_YOUR_CALM. Clients of grpc map
// it to RESOURCE_EXHAUSTED.
const calm = 0xb

// abortFrame has the size of a frame that aborts a stream.
const abortFrame = headerSize + 4

// aborts are the streams of a connection that must be reset at once.
//
// grpc resets a stream only after sending its queue, which a client that reads nothing delays
// forever. One exception is a stream whose client violates the protocol. Therefore, to abort a
// stream, the connection passes grpc a frame that violates it, as if the client had sent the frame:
// a WINDOW_UPDATE by 0 (RFC 9113, section 6.9).
type aborts struct {
	pending atomic.Bool // whether wanted has elements
	labeled atomic.Bool // whether codes has elements

	mu     sync.Mutex
	woken  bool                // whether a deadline wakes the reader
	wanted []uint32            // streams without a frame yet
	codes  map[uint32]struct{} // streams whose RST_STREAM gets another code
}

// Abort resets a stream at once, with ENHANCE_YOUR_CALM. Nothing more is sent in it. Any goroutine
// may call Abort, once for each stream. If the client stops within a frame, the stream is reset
// when the frame is complete.
func (c *Conn) Abort(stream uint32) {
	a := &c.aborts
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = append(a.wanted, stream)
	a.pending.Store(true)
	a.woken = true
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // fails if the connection is closed
}

// woke reports whether a read failed with err because Abort woke the reader.
func (a *aborts) woke(conn net.Conn, err error) bool {
	if err == nil || !isTimeout(err) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	woken := a.woken
	a.sleep(conn)
	return woken
}

// isTimeout is a function of its own because it allocates.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// sleep removes the deadline that woke the reader. The caller holds the lock.
func (a *aborts) sleep(conn net.Conn) {
	if a.woken {
		a.woken = false
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// injectAborts lets the next read return frames that abort streams, if the client is between two
// frames.
func (c *Conn) injectAborts() {
	if !c.aborts.pending.Load() || c.rest != nil || !c.in.between() {
		return
	}
	a := &c.aborts
	a.mu.Lock()
	defer a.mu.Unlock()
	c.rest, c.from = mem.DefaultBufferPool().Get(abortFrame*len(a.wanted)), 0
	for i, stream := range a.wanted {
		frame := (*c.rest)[i*abortFrame : (i+1)*abortFrame]
		clear(frame)
		frame[2], frame[3] = 4, frameWindowUpdate
		binary.BigEndian.PutUint32(frame[5:], stream)
		if a.codes == nil {
			a.codes = make(map[uint32]struct{})
		}
		a.codes[stream] = struct{}{}
	}
	a.wanted = a.wanted[:0]
	a.pending.Store(false)
	a.labeled.Store(true)
	a.sleep(c.Conn)
}

// relabel returns p with another code in the RST_STREAM of an aborted stream, which ends before
// end.
func (a *aborts) relabel(p []byte, end int, stream uint32) []byte {
	if !a.labeled.Load() {
		return p
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.codes[stream]; !ok {
		return p
	}
	delete(a.codes, stream)
	a.labeled.Store(len(a.codes) > 0)
	if end < 4 { // the frame is split, and keeps grpc's code
		return p
	}
	p = slices.Clone(p) // which belongs to grpc
	binary.BigEndian.PutUint32(p[end-4:], calm)
	return p
}
