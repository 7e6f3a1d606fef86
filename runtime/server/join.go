package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

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

// leave counts a call as running until done is closed, although it has been answered; then it calls release.
func (m *method) leave(done <-chan struct{}, release func()) {
	m.inFlight.Add(1)
	waitedFor := m.left.Enter()
	go func() {
		if waitedFor {
			defer m.left.Leave()
		}
		<-done
		release()
		m.inFlight.Add(-1)
	}()
}
