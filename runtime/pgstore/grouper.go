package pgstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// grouper runs calls at once, a few at a time. Calls that come while those run wait, and run
// together after that: under load, many share a transaction, and without, none waits.
type grouper[In, Out any] struct {
	db  *DB
	run func(context.Context, []In) ([]Out, error)

	mu      sync.Mutex
	running int
	waiting []*batched[In, Out]
}

// Limits of a grouper.
const (
	mostRunning  = 4
	mostGrouped  = 64
	groupTimeout = 10 * time.Second
)

func newGrouper[In, Out any](db *DB, run func(context.Context, []In) ([]Out, error)) *grouper[In, Out] {
	return &grouper[In, Out]{db: db, run: run}
}

// do runs a call.
func (g *grouper[In, Out]) do(ctx context.Context, in In) (out Out, err error) {
	g.mu.Lock()
	if g.running < mostRunning {
		g.running++
		g.mu.Unlock()
		defer g.next()
		all, err := g.run(ctx, []In{in})
		if err != nil {
			return out, err
		}
		return all[0], nil
	}
	call := &batched[In, Out]{in: in, done: make(chan struct{})}
	g.waiting = append(g.waiting, call)
	g.mu.Unlock()
	select {
	case <-call.done:
		return call.out, call.err
	case <-ctx.Done():
		return out, g.abandon(ctx, call)
	}
}

// abandon returns the error of a call whose context has ended.
func (g *grouper[In, Out]) abandon(ctx context.Context, call *batched[In, Out]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, call); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		return context.Cause(ctx)
	}
	select {
	case <-call.done:
		return call.err
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
}

// next runs the calls that wait, after others have run.
func (g *grouper[In, Out]) next() {
	g.mu.Lock()
	n := min(len(g.waiting), mostGrouped)
	calls := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	if n == 0 {
		g.running--
	}
	g.mu.Unlock()
	if n == 0 {
		return
	}
	started := g.db.start(func(ctx context.Context) {
		defer g.next()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groupTimeout)
		defer cancel()
		g.runTogether(ctx, calls)
	})
	if !started {
		finish(calls, nil, errClosed)
		g.next()
	}
}

// runTogether runs calls in one transaction, or each for itself if one of them has spoilt that.
func (g *grouper[In, Out]) runTogether(ctx context.Context, calls []*batched[In, Out]) {
	in := make([]In, len(calls))
	for i, call := range calls {
		in[i] = call.in
	}
	out, err := g.run(ctx, in)
	if err == nil || len(calls) == 1 || lost(err) {
		finish(calls, out, err)
		return
	}
	for i, call := range calls {
		out, err := g.run(ctx, in[i:i+1])
		finish([]*batched[In, Out]{call}, out, err)
	}
}

// finish gives calls their results.
func finish[In, Out any](calls []*batched[In, Out], out []Out, err error) {
	for i, call := range calls {
		if call.err = err; err == nil {
			call.out = out[i]
		}
		close(call.done)
	}
}
