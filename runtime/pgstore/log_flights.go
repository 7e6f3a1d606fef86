package pgstore

import (
	"context"
	"sync"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// What appends that are joined take at most, unless one takes more alone.
const (
	flightRecords = 1024
	flightBytes   = 4 << 20
)

// flights joins appends of a process: while one is being committed, those that arrive wait, and
// are then appended together. A log commits one append at a time, so many writers would wait for
// each other's commits otherwise.
type flights struct {
	mu      sync.Mutex
	waiting []*flight // in the order in which they are appended
	flying  bool
}

// flight is one append of records of several calls.
type flight struct {
	data   [][]byte
	size   int64
	riders int // calls that wait for it
	cancel context.CancelFunc
	ctx    context.Context
	done   chan struct{}
	// head is the position after the last record; valid with err when done is closed.
	head eventlog.Position
	err  error
}

// join appends records together with those of other calls. If ctx ends, it returns at once, and
// the records may be appended or not.
func (f *flights) join(
	ctx context.Context, data [][]byte, size int64, db *DB,
	fly func(context.Context, [][]byte, int64) (eventlog.Position, error),
) (eventlog.Position, error) {
	on, end, err := f.board(data, size, db, fly)
	if err != nil {
		return eventlog.Position{}, err
	}
	select {
	case <-on.done:
	case <-ctx.Done():
		f.leave(on)
		return eventlog.Position{}, ctx.Err()
	}
	if on.err != nil {
		return eventlog.Position{}, on.err
	}
	p := on.head
	p.Sequence -= uint64(len(on.data) - end)
	return p, nil
}

// board adds records to a flight that has not left. end is the number of its records up to them.
func (f *flights) board(
	data [][]byte, size int64, db *DB,
	fly func(context.Context, [][]byte, int64) (eventlog.Position, error),
) (on *flight, end int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.waiting); n > 0 {
		last := f.waiting[n-1]
		if len(last.data)+len(data) <= flightRecords && last.size+size <= flightBytes {
			on = last
		}
	}
	if on == nil {
		on = &flight{done: make(chan struct{})}
		on.ctx, on.cancel = context.WithCancel(context.Background())
		f.waiting = append(f.waiting, on)
	}
	on.data, on.size, on.riders = append(on.data, data...), on.size+size, on.riders+1
	if !f.flying {
		if !db.start(func(ctx context.Context) { f.run(ctx, fly) }) {
			f.waiting = f.waiting[:len(f.waiting)-1]
			on.cancel()
			return nil, 0, errClosed
		}
		f.flying = true
	}
	return on, len(on.data), nil
}

// leave ends a flight when no call waits for it any more.
func (f *flights) leave(on *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on.riders--; on.riders == 0 {
		on.cancel()
	}
}

// run appends flights until none is left.
func (f *flights) run(
	ctx context.Context, fly func(context.Context, [][]byte, int64) (eventlog.Position, error),
) {
	for {
		on := f.next()
		if on == nil {
			return
		}
		stop := context.AfterFunc(ctx, on.cancel) // DB.Close
		on.head, on.err = fly(on.ctx, on.data, on.size)
		stop()
		on.cancel()
		close(on.done)
	}
}

// next takes the next flight for which calls wait, or returns nil.
func (f *flights) next() *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) > 0 {
		on := f.waiting[0]
		f.waiting[0], f.waiting = nil, f.waiting[1:]
		if on.riders > 0 {
			return on
		}
		close(on.done)
	}
	f.waiting, f.flying = nil, false
	return nil
}
