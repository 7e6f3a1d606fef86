package runtime

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
)

// ErrDraining is what the callers of calls get that a shutdown cuts off: UNAVAILABLE, reason SERVER_DRAINING. A method that ends its
// stream early because of [Draining] returns or yields it, so that the stream does not look complete.
var ErrDraining = newError(codes.Unavailable, ReasonDraining, "the server is shutting down")

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

// Draining returns a channel that is closed when the server of ctx's call starts to drain. A stream without an end of its own should
// then end with [ErrDraining], so that its client reconnects to another server. Outside a call the channel is nil and never ready.
func Draining(ctx context.Context) <-chan struct{} {
	c, ok := callOf(ctx)
	if !ok {
		return nil
	}
	return c.call.method.drain.started
}
