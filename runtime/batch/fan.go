package batch

import (
	"context"
	"sync"
	"sync/atomic"
)

// fanOut calls work for 0 to n-1, at most so many at a time, and returns when all calls have. When one fails, those with a higher
// index are cancelled or not made; those with a lower one go on, and may fail in turn. So the error that it returns, with its
// index, is that of the lowest index that fails, whatever order they run in.
func fanOut(ctx context.Context, n, workers int, work func(ctx context.Context, i int) error) (int, error) {
	if workers = min(workers, n); workers > 1 {
		return newFan(n, workers, work).run(ctx)
	}
	for i := range n {
		if err := work(ctx, i); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// fan is the work of a few goroutines.
type fan struct {
	work    func(ctx context.Context, i int) error
	n       int64
	next    atomic.Int64 // the lowest index that nobody has taken
	failed  atomic.Int64 // the lowest index that has failed; n while there is none
	workers []worker
	wg      sync.WaitGroup

	mu  sync.Mutex
	err error // of failed
}

// worker is one of the goroutines.
type worker struct {
	at     atomic.Int64 // the index that it works on
	cancel context.CancelFunc
}

func newFan(n, workers int, work func(ctx context.Context, i int) error) *fan {
	f := &fan{work: work, n: int64(n), workers: make([]worker, workers)}
	f.failed.Store(f.n)
	return f
}

// run starts the workers and waits for them.
func (f *fan) run(ctx context.Context) (int, error) {
	f.wg.Add(len(f.workers))
	contexts := make([]context.Context, len(f.workers))
	for i := range f.workers { // all are made before one may cancel another
		contexts[i], f.workers[i].cancel = context.WithCancel(ctx)
	}
	for i := range f.workers {
		go f.serve(contexts[i], &f.workers[i])
	}
	f.wg.Wait()
	for i := range f.workers {
		f.workers[i].cancel()
	}
	return int(f.failed.Load()), f.err
}

// serve works until there is nothing left to do.
func (f *fan) serve(ctx context.Context, w *worker) {
	left := true
	defer func() {
		if left { // work has ended the goroutine
			f.fail(w.at.Load(), errLeft)
		}
		f.wg.Done()
	}()
	for {
		i := f.next.Add(1) - 1
		w.at.Store(i) // before failed is read: who fails stores that before it reads at
		if i >= f.n || i > f.failed.Load() {
			break
		}
		if err := f.work(ctx, int(i)); err != nil {
			f.fail(i, err)
		}
	}
	left = false
}

// fail notes that index i failed, and cancels those above the lowest that did.
func (f *fan) fail(i int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i >= f.failed.Load() {
		return
	}
	f.failed.Store(i)
	f.err = err
	for w := range f.workers {
		if f.workers[w].at.Load() > i {
			f.workers[w].cancel()
		}
	}
}
