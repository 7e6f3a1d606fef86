package eventlog

import (
	"context"
	"iter"
)

// Reader reads a log from a position. It has no queue and no goroutine: a slow reader falls
// behind, and costs nothing, until its position is trimmed. A Reader is for one goroutine.
type Reader[T any] struct {
	log  *Log[T]
	at   Position
	own  []*Entry[T]     // read for this reader alone, because it is older than the tail
	wake <-chan struct{} // of the tail whose end was reached
}

// Reader returns a reader that starts after a position.
func (l *Log[T]) Reader(after Position) *Reader[T] { return &Reader[T]{log: l, at: after} }

// Position returns the position after the last entry that Next returned.
func (r *Reader[T]) Position() Position { return r.at }

// Next returns the next entry, or nil if there is none yet; wait for [Reader.Changed] then. It
// returns a [*PositionError] if entries are missing after the reader's position, or the error of
// the store. It can be called again after an error.
func (r *Reader[T]) Next(ctx context.Context) (*Entry[T], error) {
	for {
		if len(r.own) > 0 {
			e := r.own[0]
			r.own[0], r.own = nil, r.own[1:]
			r.at = e.Position
			return e, nil
		}
		var err error
		switch t := r.log.tail.Load(); t.place(r.at) {
		case within:
			e := t.next(r.at.Sequence)
			r.at = e.Position
			return e, nil
		case older:
			r.own, err = r.log.readOlder(ctx, r.at)
		case atEnd:
			if !isClosed(t.wake) {
				r.wake = t.wake
				return nil, nil
			}
			err = r.log.advance(ctx, t, r.at)
		default:
			err = r.log.advance(ctx, t, r.at)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Changed returns a channel that is closed when there may be an entry after Next has returned
// nil.
func (r *Reader[T]) Changed() <-chan struct{} { return r.wake }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Read ranges over the entries after a position up to the head. An error ends the range.
func (l *Log[T]) Read(ctx context.Context, after Position) iter.Seq2[*Entry[T], error] {
	return l.each(ctx, after, func(*Reader[T]) (bool, error) { return false, nil })
}

// Follow ranges over the entries after a position, and waits for more until ctx ends. An error,
// also that of ctx, ends the range.
func (l *Log[T]) Follow(ctx context.Context, after Position) iter.Seq2[*Entry[T], error] {
	return l.each(ctx, after, func(r *Reader[T]) (bool, error) {
		select {
		case <-r.Changed():
			return true, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	})
}

// each ranges over entries. At the head it calls wait, and ends if that returns false or an error.
func (l *Log[T]) each(
	ctx context.Context, after Position, wait func(*Reader[T]) (more bool, err error),
) iter.Seq2[*Entry[T], error] {
	return func(yield func(*Entry[T], error) bool) {
		r, more := l.Reader(after), true
		for {
			e, err := r.Next(ctx)
			if e == nil && err == nil {
				if more, err = wait(r); more && err == nil {
					continue
				}
			}
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !more || !yield(e, nil):
				return
			}
		}
	}
}
