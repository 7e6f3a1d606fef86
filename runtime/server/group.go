package server

import (
	"context"
	"sync"

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
