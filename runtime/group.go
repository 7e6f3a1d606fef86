package runtime

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Go starts fn in a goroutine that belongs to the call of ctx: the call ends, and its answer goes out, when the method and
// all its goroutines have returned. An error of fn cancels the context of the others and fails a call whose method did not
// fail itself; a panic in fn is logged and fails the call with INTERNAL. When the method fails, the context that fn gets is
// cancelled.
//
// Outside a call there is nobody to wait or to be told: fn runs recovered, and its error or panic goes to the default
// logger.
func Go(ctx context.Context, fn func(ctx context.Context) error) {
	c, ok := callOf(ctx)
	if !ok {
		go runDetached(ctx, fn)
		return
	}
	c.openGroup().start(ctx, fn)
}

// runDetached runs fn for nobody.
func runDetached(ctx context.Context, fn func(ctx context.Context) error) {
	defer func() {
		if value := recover(); value != nil {
			slog.ErrorContext(ctx, "panic", "panic", value, "stack", string(debug.Stack()))
		}
	}()
	if err := fn(ctx); err != nil {
		slog.ErrorContext(ctx, "goroutine failed", "error", err)
	}
}

// group is the goroutines of one call.
type group struct {
	call    *callContext
	cancels context.Context // ends when the group fails
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	fail    sync.Once
	err     error
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

// start runs fn in the group, with a context made of ctx.
func (g *group) start(ctx context.Context, fn func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.cancels, cancel)
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		defer cancel()
		defer stop()
		if err := g.run(ctx, fn); err != nil {
			g.failWith(err)
		}
	}()
}

// run calls fn recovered.
func (g *group) run(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = g.call.call.method.panicked(g.call, value)
		}
	}()
	return fn(ctx)
}

// failWith keeps the first error and cancels the others.
func (g *group) failWith(err error) {
	g.fail.Do(func() {
		g.err = err
		g.cancel()
	})
}

// join waits for the group and returns what the call ends with, when its method ended with err. A panic outranks the
// method's own error, which is often only its consequence.
func (g *group) join(err error) error {
	if err != nil {
		g.failWith(err)
	}
	g.wg.Wait()
	g.cancel()
	if err == nil || errors.As(g.err, new(*fault)) {
		return g.err
	}
	return err
}
