package page

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"google.golang.org/grpc/status"
)

// ahead returns pages as they come, up to n before they are wanted, and no more once they have so many bytes. They are fetched in
// a goroutine, which has ended when a range over them has; a panic in it is one of the range.
func ahead[T any](n, bytes int, sizeOf func(T) int, pages func(context.Context) iter.Seq2[T, error]) func(context.Context) iter.Seq2[T, error] {
	return func(ctx context.Context) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			f := fetcher[T]{found: make(chan found[T], n-1), taken: make(chan struct{}, 1), sizeOf: sizeOf} // one more waits to be sent
			f.room.Store(int64(bytes))
			go f.run(ctx, pages)
			defer func() {
				cancel()
				f.join()
			}()
			for page := range f.found {
				f.take(page.bytes)
				if !yield(page.page, page.err) {
					return
				}
			}
			if err := f.missing(ctx); err != nil {
				var none T
				yield(none, err)
			}
		}
	}
}

// found is a page, or why there is none.
type found[T any] struct {
	page  T
	err   error
	bytes int
}

// fetcher fetches pages in a goroutine. What else it has may be read when found is closed.
type fetcher[T any] struct {
	found    chan found[T]
	sizeOf   func(T) int
	room     atomic.Int64  // bytes that pages which are not taken may still have
	taken    chan struct{} // has a token when a page was taken
	complete bool
	panicked any
}

// run fetches pages until there are no more or ctx ends.
func (f *fetcher[T]) run(ctx context.Context, pages func(context.Context) iter.Seq2[T, error]) {
	defer close(f.found)
	defer func() { f.panicked = recover() }()
	for page, err := range pages(ctx) {
		bytes := f.sizeOf(page)
		f.room.Add(-int64(bytes))
		select {
		case f.found <- found[T]{page, err, bytes}:
		case <-ctx.Done():
			return
		}
		if !f.waitForRoom(ctx) {
			return
		}
	}
	f.complete = true
}

// waitForRoom waits until there is room for more bytes; false when ctx ends before.
func (f *fetcher[T]) waitForRoom(ctx context.Context) bool {
	for f.room.Load() <= 0 {
		select {
		case <-f.taken:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// take makes room for more bytes.
func (f *fetcher[T]) take(bytes int) {
	f.room.Add(int64(bytes))
	select {
	case f.taken <- struct{}{}:
	default:
	}
}

// join waits for the goroutine, and panics as it did.
func (f *fetcher[T]) join() {
	for range f.found { // which nobody wants any more
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
}

// missing says why there are no more pages, where that is not because the list has ended.
func (f *fetcher[T]) missing(ctx context.Context) error {
	switch {
	case f.complete || f.panicked != nil:
		return nil
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return errors.New("page: the goroutine that fetches pages was ended, as FailNow of a test does")
}
