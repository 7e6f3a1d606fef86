package batch

import (
	"context"
	"sync"
	"sync/atomic"
)

// fanOut calls work for 0 to n-1, at most workers at a time, and returns when all calls have
// returned. If one fails, those with a higher index are cancelled or not started; those with a
// lower index continue, and may fail too. Therefore the error that fanOut returns, with its
// index, is that of the lowest index that fails, whatever order the calls run in.
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

// fan is the state of one fanOut.
type fan struct {
	work    func(ctx context.Context, i int) error
	n       int64
	next    atomic.Int64 // the lowest index not taken yet
	failed  atomic.Int64 // the lowest index that failed; n if none
	workers []worker
	wg      sync.WaitGroup

	mu  sync.Mutex
	err error // of failed
}

// worker is one of the goroutines.
type worker struct {
	at     atomic.Int64 // the index that it is running
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
	for i := range f.workers { // all exist before one can cancel another
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

// serve takes indexes until none is left.
func (f *fan) serve(ctx context.Context, w *worker) {
	ended := true
	defer func() {
		if ended { // work ended the goroutine
			f.fail(w.at.Load(), errLeft)
		}
		f.wg.Done()
	}()
	for {
		i := f.next.Add(1) - 1
		w.at.Store(i) // before failed is read: a failing worker stores failed before it reads at
		if i >= f.n || i > f.failed.Load() {
			break
		}
		if err := f.work(ctx, int(i)); err != nil {
			f.fail(i, err)
		}
	}
	ended = false
}

// fail records that index i failed, and cancels all indexes above the lowest that failed.
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
