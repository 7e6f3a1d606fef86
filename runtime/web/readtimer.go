package web

import (
	"sync"
	"sync/atomic"
	"time"
)

// readTimers are timers for reading, which are used again.
type readTimers struct{ pool sync.Pool }

// readTimer interrupts the reads of a call when its time is up.
type readTimer struct {
	timer *time.Timer
	call  atomic.Pointer[call]
}

// start returns a timer that interrupts the reads of c after d.
func (p *readTimers) start(c *call, d time.Duration) *readTimer {
	if t, ok := p.pool.Get().(*readTimer); ok {
		t.call.Store(c)
		t.timer.Reset(d)
		return t
	}
	t := new(readTimer)
	t.call.Store(c)
	t.timer = time.AfterFunc(d, func() { t.call.Load().Interrupt(errLate) })
	return t
}

// stop stops a timer. One that has fired may still be about to interrupt its call, and is not used
// again.
func (p *readTimers) stop(t *readTimer) {
	if t.timer.Stop() {
		t.call.Store(nil)
		p.pool.Put(t)
	}
}
