package server

import (
	"sync"
	"sync/atomic"
)

// drain is how far a server's shutdown has come.
type drain struct {
	started chan struct{}
	start   func()
	expired atomic.Bool // calls get no more time
}

func newDrain() *drain {
	d := &drain{started: make(chan struct{})}
	d.start = sync.OnceFunc(func() { close(d.started) })
	return d
}

func (d *drain) expire() { d.expired.Store(true) }
