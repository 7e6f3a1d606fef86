package h2conn

import (
	"sync"
	"sync/atomic"
)

// followed are the streams for which a connection records whether data is written. Usually there
// are none.
type followed struct {
	any atomic.Bool

	mu      sync.Mutex
	written map[uint32]bool // whether data was written
}

// Follow makes [Conn.Progressed] report on a stream, until the stream ends.
func (c *Conn) Follow(stream uint32) {
	f := &c.followed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.written == nil {
		f.written = make(map[uint32]bool)
	}
	f.written[stream] = false
	f.any.Store(true)
}

// Progressed reports whether data of a followed stream was written since the last call, or since
// Follow.
func (c *Conn) Progressed(stream uint32) bool {
	f := &c.followed
	f.mu.Lock()
	defer f.mu.Unlock()
	written := f.written[stream]
	if written {
		f.written[stream] = false
	}
	return written
}

// note records that data of a stream is written.
func (f *followed) note(stream uint32) {
	if !f.any.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.written[stream]; ok {
		f.written[stream] = true
	}
}

// end records that a stream has ended.
func (f *followed) end(stream uint32) {
	if !f.any.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.written, stream)
	f.any.Store(len(f.written) > 0)
}
