package eventlog

import (
	"context"
	"errors"
	"fmt"
)

// Limits of one read from the store: for the tail, and for a reader that is older.
var (
	tailRead  = Limit{Records: 256, Bytes: 1 << 20}
	olderRead = Limit{Records: 64, Bytes: 64 << 10}
)

// closed is the wake of a tail that does not reach the head.
var closed = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// advance extends the tail that a reader at a position has seen the end of. One reader at a time
// reads the store, in its own goroutine; the others wait for it.
func (l *Log[T]) advance(ctx context.Context, seen *tail[T], at Position) error {
	l.mu.Lock()
	if l.tail.Load() != seen {
		l.mu.Unlock()
		return nil
	}
	if loading := l.loading; loading != nil {
		l.mu.Unlock()
		select {
		case <-loading:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.loading = make(chan struct{})
	l.mu.Unlock()
	defer l.loaded()
	return l.load(ctx, seen, at)
}

// loaded wakes the readers that wait for a load.
func (l *Log[T]) loaded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.loading)
	l.loading = nil
}

// load reads what follows the tail, or the position of a reader that is beyond it.
func (l *Log[T]) load(ctx context.Context, seen *tail[T], at Position) error {
	from := at
	if seen != nil && seen.epoch == at.Epoch && at.Sequence > seen.last() &&
		at.Sequence-seen.last() <= uint64(l.limits.entries) {
		from.Sequence = seen.last() // others may need the entries between
	}
	wake := l.store.Watch()
	batch, err := l.store.Read(ctx, from, tailRead)
	if from != at && hasNothing(batch, err) {
		from = at
		batch, err = l.store.Read(ctx, from, tailRead)
	}
	if err != nil {
		return storeError(ctx, err)
	}
	if err := check(from, batch); err != nil {
		return err
	}
	entries, err := l.decode(from.Epoch, batch.Records)
	if err != nil {
		return err
	}
	for _, e := range entries {
		e.Derived = &e.values
	}
	if from.Sequence+uint64(len(entries)) < batch.Bounds.Last {
		wake = closed
	}
	l.publish(from, entries, wake)
	return nil
}

// hasNothing reports whether a read from the end of the tail was in vain: the tail belongs to
// another incarnation, or what follows it was trimmed.
func hasNothing(batch Batch, err error) bool {
	return errors.As(err, new(*PositionError)) || err == nil && len(batch.Records) == 0
}

// check guards against stores that break their contract, which would lose or repeat entries.
func check(from Position, batch Batch) error {
	if len(batch.Records) == 0 && from.Sequence < batch.Bounds.Last {
		return fmt.Errorf("eventlog: the store returned no records after %v, but has them up to %d",
			from, batch.Bounds.Last)
	}
	for i, r := range batch.Records {
		if want := from.Sequence + uint64(i) + 1; r.Sequence != want {
			return fmt.Errorf("eventlog: the store returned record %d instead of %d", r.Sequence, want)
		}
	}
	return nil
}

// publish makes the tail end with entries that follow a position.
func (l *Log[T]) publish(from Position, entries []*Entry[T], wake <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tail.Load()
	if t == nil || t.epoch != from.Epoch || t.last() != from.Sequence {
		t = &tail[T]{epoch: from.Epoch, after: from.Sequence}
	}
	l.tail.Store(t.extend(entries, wake, l.limits).without(l.trimmed))
}

// readOlder reads entries after a position for one reader alone.
func (l *Log[T]) readOlder(ctx context.Context, at Position) ([]*Entry[T], error) {
	batch, err := l.store.Read(ctx, at, olderRead)
	if err != nil {
		return nil, storeError(ctx, err)
	}
	if err := check(at, batch); err != nil {
		return nil, err
	}
	if len(batch.Records) == 0 {
		return nil, fmt.Errorf("eventlog: the store ends at %d, before entries that it returned",
			at.Sequence)
	}
	return l.decode(at.Epoch, batch.Records)
}
