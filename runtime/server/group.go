package server

import (
	"context"
	"sync"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/join"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// recoverer is the call of a group; see [callctx.Call].
type recoverer interface{ Recovered(value any) error }

// group is the goroutines of one call.
type group struct {
	call    recoverer
	cancels context.Context // canceled when the group fails
	cancel  context.CancelFunc

	members   join.Group
	mu        sync.Mutex
	err       error // of the first that failed
	broken    bool  // whether err is a panic or a Goexit
	abandoned bool  // whether the call was answered without it; only for the goroutine of the call
}

// errMemberEnded is the error of a goroutine that calls runtime.Goexit.
var errMemberEnded = rpcerr.Internal(callctx.GoroutineEnded)

// closedGroup is the group of a call that finished without one.
var closedGroup = new(group)

// start runs fn in the group with a child of ctx. It returns false if the call has finished.
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

// run calls fn and recovers its panic.
func (g *group) run(ctx context.Context, fn func(ctx context.Context) error) (err error, panicked bool) {
	defer func() {
		if value := recover(); value != nil {
			err, panicked = g.call.Recovered(value), true
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

// join waits for the group and returns the error of a call whose method returned err. A panic in
// the group takes precedence over err, which is often its consequence.
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
