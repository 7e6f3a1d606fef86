package runtime

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
)

// errDraining is the cause of contexts that a shutdown cancels, and what the callers of such calls are told.
var errDraining = newError(codes.Unavailable, ReasonDraining, "the server is shutting down")

// drain is how far a server's shutdown has come.
type drain struct {
	started chan struct{}
	start   func()
	expired context.Context // ends when calls get no more time
	expire  context.CancelFunc
}

func newDrain() *drain {
	d := &drain{started: make(chan struct{})}
	d.start = sync.OnceFunc(func() { close(d.started) })
	d.expired, d.expire = context.WithCancel(context.Background())
	return d
}

// Draining returns a channel that is closed when the server of ctx's call begins to drain: a stream without an end of its
// own should then end, so that its client reconnects to another server. Outside a call the channel is nil and never ready.
func Draining(ctx context.Context) <-chan struct{} {
	c, ok := callOf(ctx)
	if !ok {
		return nil
	}
	return c.call.method.drain.started
}
