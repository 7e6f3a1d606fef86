package pgstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

// batcher runs calls that come together as one.
type batcher[In, Out any] struct {
	db  *DB
	run func(context.Context, []In) ([]Out, error)

	mu      sync.Mutex
	waiting []*batched[In, Out]
}

// batched is one call of a batch.
type batched[In, Out any] struct {
	in   In
	out  Out
	err  error
	done chan struct{}
}

// How long a call waits for others, if it has at least so much time, and how many run together.
const (
	linger       = 100 * time.Millisecond
	lingerWithin = 2 * time.Second
	mostBatched  = 1000
)

func newBatcher[In, Out any](db *DB, run func(context.Context, []In) ([]Out, error)) *batcher[In, Out] {
	return &batcher[In, Out]{db: db, run: run}
}

// do runs a call, with others if its context leaves time for that.
func (b *batcher[In, Out]) do(ctx context.Context, in In) (out Out, err error) {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) < lingerWithin {
		all, err := b.run(ctx, []In{in})
		if err != nil {
			return out, err
		}
		return all[0], nil
	}
	call := &batched[In, Out]{in: in, done: make(chan struct{})}
	if !b.add(call) {
		return out, errClosed
	}
	select {
	case <-call.done:
		return call.out, call.err
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
}

// errClosed is the error of calls after Close.
var errClosed = errors.New("pgstore: the DB is closed")

// add adds a call to the batch that waits, or starts a batch.
func (b *batcher[In, Out]) add(call *batched[In, Out]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, call)
	if len(b.waiting) > 1 {
		return true
	}
	if b.db.start(b.runSoon) {
		return true
	}
	b.waiting = nil
	return false
}

// runSoon runs the calls that have come until then.
func (b *batcher[In, Out]) runSoon(ctx context.Context) {
	sleep(ctx, linger)
	b.mu.Lock()
	calls := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	for len(calls) > 0 {
		n := min(len(calls), mostBatched)
		b.runNow(ctx, calls[:n])
		calls = calls[n:]
	}
}

// runNow runs calls as one. A call that has no time left does not wait for it.
func (b *batcher[In, Out]) runNow(ctx context.Context, calls []*batched[In, Out]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lingerWithin)
	defer cancel()
	in := make([]In, len(calls))
	for i, call := range calls {
		in[i] = call.in
	}
	out, err := b.run(ctx, in)
	finish(calls, out, err)
}
