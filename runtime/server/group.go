package server

import (
	"context"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/join"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// group is the goroutines of one call.
type group struct {
	call    *callContext
	cancels context.Context // ends when the group fails
	cancel  context.CancelFunc

	members join.Group
	mu      sync.Mutex
	err     error // of the first that failed
	broken  bool  // whether err is a panic, or of a goroutine that ended itself
	left    bool  // whether the call was answered without it; only for the goroutine of the call
}

// errMemberEnded is how a goroutine fails that ends itself.
var errMemberEnded = rpcerr.Internal(callctx.GoroutineEnded)

// closedGroup stands for the group of a call that ended without one.
var closedGroup = new(group)

// Go implements [callctx.Call].
func (c *callContext) Go(ctx context.Context, fn func(ctx context.Context) error) bool {
	return c.openGroup().start(ctx, fn)
}

// openGroup returns the call's group, made by the first goroutine.
func (c *callContext) openGroup() *group {
	if g := c.call.group.Load(); g != nil {
		return g
	}
	g := &group{call: c}
	g.cancels, g.cancel = context.WithCancel(context.Background())
	if c.call.group.CompareAndSwap(nil, g) {
		return g
	}
	g.cancel()
	return c.call.group.Load()
}

// start runs fn in the group, with a context made of ctx, and reports whether it could: who calls [runtime.Go] while the call ends may come
// too late.
func (g *group) start(ctx context.Context, fn func(ctx context.Context) error) bool {
	if g == closedGroup || !g.members.Enter() {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.cancels, cancel)
	go func() {
		defer g.members.Leave()
		defer cancel()
		defer stop()
		err, broken := errMemberEnded, true // unless fn returns
		defer func() { g.failWith(err, broken) }()
		err, broken = g.run(ctx, fn)
	}()
	return true
}

// run calls fn recovered.
func (g *group) run(ctx context.Context, fn func(ctx context.Context) error) (err error, panicked bool) {
	defer func() {
		if value := recover(); value != nil {
			err, panicked = g.call.call.method.panicked(g.call, value), true
		}
	}()
	return fn(ctx), false
}

// failWith keeps the first error and cancels the others.
func (g *group) failWith(err error, broken bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && err != nil {
		g.err, g.broken = err, broken
		g.cancel()
	}
}

// Join implements [callctx.Call].
func (c *callContext) Join(err error) error { return c.join(err) }

// join waits for the goroutines of the call, if it has any, and returns what it ends with. A request that was refused cannot be
// overlooked.
//
// For those of a method that has failed while it reads requests it waits only a moment: one of them may be reading, too, which
// only the end of the call interrupts. The server waits for them when it shuts down.
func (c *callContext) join(err error) error {
	if g := c.call.group.Load(); g != nil && g != closedGroup {
		err = c.joinGroup(g, err)
	} else if g == nil && !c.call.group.CompareAndSwap(nil, closedGroup) {
		return c.join(err)
	}
	if refused := c.refused.Load(); err == nil && refused != nil {
		return *refused
	}
	return err
}

func (c *callContext) joinGroup(g *group, err error) error {
	m := c.call.method
	if err == nil || m.info.Kind == runtime.KindUnary || m.info.Kind == runtime.KindServerStream {
		return g.join(err)
	}
	if g.left { // a client stream joins before it answers
		return err
	}
	g.failWith(err, false)
	ended := g.members.Ended()
	select {
	case <-ended:
		return g.join(err)
	case <-time.After(leaveGrace):
		g.left = true
		m.leave(ended, func() {})
		return err
	}
}

// leaveGrace is how long the answer of a method that has failed waits for goroutines that may be reading requests.
const leaveGrace = 50 * time.Millisecond

// join waits for the group and returns what the call ends with, when its method ended with err. A panic outranks the
// method's own error, which is often only its consequence.
func (g *group) join(err error) error {
	if err != nil {
		g.failWith(err, false)
	}
	<-g.members.Ended()
	g.cancel()
	if g.broken || err == nil {
		return g.err
	}
	return err
}
