package page

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/grpc/status"
)

// ahead returns pages as they come, up to n before they are wanted. They are fetched in a goroutine, which has ended when a range
// over them has; a panic in it is one of the range.
func ahead[T any](n int, pages func(context.Context) iter.Seq2[T, error]) func(context.Context) iter.Seq2[T, error] {
	return func(ctx context.Context) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			f := fetcher[T]{found: make(chan found[T], n-1)} // one more waits to be sent
			go f.run(ctx, pages)
			defer func() {
				cancel()
				f.join()
			}()
			for page := range f.found {
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
	page T
	err  error
}

// fetcher fetches pages in a goroutine. What else it has may be read when found is closed.
type fetcher[T any] struct {
	found    chan found[T]
	complete bool
	panicked any
}

// run fetches pages until there are no more or ctx ends.
func (f *fetcher[T]) run(ctx context.Context, pages func(context.Context) iter.Seq2[T, error]) {
	defer close(f.found)
	defer func() { f.panicked = recover() }()
	for page, err := range pages(ctx) {
		select {
		case f.found <- found[T]{page, err}:
		case <-ctx.Done():
			return
		}
	}
	f.complete = true
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
