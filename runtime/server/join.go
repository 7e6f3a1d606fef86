package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// Go implements [callctx.Call].
func (c *callContext) Go(ctx context.Context, fn func(ctx context.Context) error) bool {
	return c.ensureGroup().start(ctx, fn)
}

// ensureGroup returns the call's group, and creates it for the first goroutine.
func (c *callContext) ensureGroup() *group {
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

// join waits for the goroutines of a call whose method returned err, and returns the error of the
// call. A rejected request fails the call even if the method ignores it.
//
// If a method with a request stream fails, join waits only for [abandonGrace]: a goroutine may be
// reading requests, which only the end of the call interrupts. A shutdown waits for it.
func (c *callContext) join(err error) error {
	if g := c.call.group.Load(); g != nil && g != closedGroup {
		err = c.joinGroup(g, err)
	} else if g == nil && !c.call.group.CompareAndSwap(nil, closedGroup) {
		return c.join(err)
	}
	if rejected := c.rejection.Load(); err == nil && rejected != nil {
		return *rejected
	}
	return err
}

func (c *callContext) joinGroup(g *group, err error) error {
	m := c.call.method
	if err == nil || m.info.Kind == runtime.KindUnary || m.info.Kind == runtime.KindServerStream {
		return g.join(err)
	}
	if g.abandoned { // a client stream joins before it responds, and again when it finishes
		return err
	}
	g.failWith(err, false)
	ended := g.members.Ended()
	select {
	case <-ended:
		return g.join(err)
	case <-time.After(abandonGrace):
		g.abandoned = true
		m.abandon(ended, func() {})
		return err
	}
}

// abandonGrace is how long the status of a failed method waits for goroutines that may be reading
// requests.
const abandonGrace = 50 * time.Millisecond

// abandon counts an answered call as running until done is closed; then it calls release.
func (m *method) abandon(done <-chan struct{}, release func()) {
	m.inFlight.Add(1)
	entered := m.awaited.Enter()
	go func() {
		if entered {
			defer m.awaited.Leave()
		}
		<-done
		release()
		m.inFlight.Add(-1)
	}()
}
