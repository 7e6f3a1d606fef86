package page

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"google.golang.org/grpc/status"
)

// ahead yields pages in order and fetches up to n of them in advance, as long as they have fewer
// than the given number of bytes. A goroutine fetches them; it has returned when a range over the
// pages has. The range raises its panics.
func ahead[T any](n, bytes int, sizeOf func(T) int, pages func(context.Context) iter.Seq2[T, error]) func(context.Context) iter.Seq2[T, error] {
	return func(ctx context.Context) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			f := fetcher[T]{found: make(chan found[T], n-1), taken: make(chan struct{}, 1), sizeOf: sizeOf} // one more waits in send
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

// found is a page or an error.
type found[T any] struct {
	page  T
	err   error
	bytes int
}

// fetcher fetches pages in a goroutine. Its other fields may be read once found is closed.
type fetcher[T any] struct {
	found    chan found[T]
	sizeOf   func(T) int
	room     atomic.Int64  // bytes left for pages that are not taken
	taken    chan struct{} // has a token after a page was taken
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

// waitForRoom waits until there is room for more bytes. It returns false if ctx ends first.
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

// join waits for the goroutine, and raises its panic.
func (f *fetcher[T]) join() {
	for range f.found { // discards the rest
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
}

// missing returns why there are no more pages, or nil if the list has ended.
func (f *fetcher[T]) missing(ctx context.Context) error {
	switch {
	case f.complete || f.panicked != nil:
		return nil
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return errors.New("page: the goroutine that fetches pages ended, as a test's FailNow does; return an error instead")
}
