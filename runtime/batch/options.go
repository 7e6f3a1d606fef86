package batch

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// DefaultMaxBytes is how many bytes a message has at most unless [WithMaxBytes] says otherwise:
// what gRPC's servers and clients accept by default.
const DefaultMaxBytes = msgsize.Stock

// Option configures [Method.Load], [Method.Each], [Method.Split] or [Method.Loader]. Where it does
// not say which of them it concerns, it concerns all.
type Option func(*options)

// options is what the options of one call add up to.
type options struct {
	concurrency int // 0 is not said
	maxSize     int
	maxBytes    int
	window      time.Duration
	inTx        transaction
}

// apply returns o with the options.
func (o options) apply(opts []Option) options {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithConcurrency sets how many items, or calls of a client, run at a time, at least 1. The default
// of [Method.Each] is the policy's, or 1 in a transaction of all items; that of clients is 8.
func WithConcurrency(n int) Option {
	return func(o *options) { o.concurrency = max(n, 1) }
}

// WithMaxSize sets the most items of a call that [Method.Split] or a [Loader] makes, at least 1:
// for a server that accepts fewer than the policy of its proto says.
func WithMaxSize(n int) Option {
	return func(o *options) { o.maxSize = max(n, 1) }
}

// WithMaxBytes sets how many bytes a message has at most, instead of [DefaultMaxBytes]: the request
// of a call that a client makes, or the response of [Method.Load] and [Method.Each].
//
// A server whose results are larger fails the batch with RESOURCE_EXHAUSTED, reason
// BATCH_RESPONSE_TOO_LARGE; a transaction of all items is rolled back. In a batch per item it
// shortens the statuses and drops the largest results, whose items get that error.
func WithMaxBytes(n int) Option {
	return func(o *options) { o.maxBytes = max(n, 1) }
}

// WithWindow sets how long a [Loader] waits for further items after the first of a call, by default
// 1 ms. At 0 or below it sends what is there when the goroutine of the first item yields.
func WithWindow(d time.Duration) Option {
	return func(o *options) { o.window = max(d, 0) }
}

// WithTx runs the items of [Method.Load] and [Method.Each] in a transaction, which starts and ends
// in inTx: it commits if the function that it calls returns nil, and rolls back otherwise. A batch
// whose items fail together is one transaction, of one item at a time unless [WithConcurrency]
// states that goroutines may share it. In a batch per item, where items fail alone, each item of
// [Method.Each] is a transaction. Without WithTx, items that succeeded before another failed stay
// done.
//
// inTx may call its function again, for example after a conflict: only the last call counts.
func WithTx(inTx func(ctx context.Context, work func(ctx context.Context) error) error) Option {
	return func(o *options) { o.inTx = inTx }
}

type transaction func(ctx context.Context, work func(ctx context.Context) error) error

// run calls work in the transaction, or as it is where there is none.
func (t transaction) run(ctx context.Context, work func(ctx context.Context) error) error {
	if t == nil {
		return work(ctx)
	}
	ran := false
	var failed error // why work failed when it was called last
	err := t(ctx, func(ctx context.Context) error {
		ran, failed = true, work(ctx)
		return failed
	})
	switch {
	case err == nil && !ran:
		return errNoTx
	case err == nil:
		return failed
	case failed != nil && !errors.Is(err, failed): // the caller should learn of what failed first
		return errors.Join(failed, err)
	}
	return err
}

// defaultWindow is how long a [Loader] waits for further items.
const defaultWindow = time.Millisecond
