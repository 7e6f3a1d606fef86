package operation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// EachOption configures [Each].
type EachOption func(*eachConfig)

type eachConfig struct {
	concurrency int
	every       time.Duration
	progress    any // func(*Metadata, int, int), or nil
}

// WithConcurrency sets how many items run at a time, instead of the concurrency of the RPC's
// batch policy, or one.
func WithConcurrency(n int) EachOption { return func(c *eachConfig) { c.concurrency = n } }

// WithSaveInterval sets the maximum time between the end of an item and the save that includes
// it, instead of one second; 0 saves after each item.
func WithSaveInterval(d time.Duration) EachOption { return func(c *eachConfig) { c.every = d } }

// WithProgress sets a function that writes to the metadata how many of the items have ended,
// including failed ones. [Each] calls show whenever it saves and saves both together, so another
// attempt continues from what the metadata says. Metadata must be that of the run; show must not
// call methods of the run.
//
//	operation.WithProgress(func(m *shopv1.BatchMetadata, ended, total int) { m.Done, m.Total = int32(ended), int32(total) })
func WithProgress[Metadata any](show func(m *Metadata, ended, total int)) EachOption {
	return func(c *eachConfig) { c.progress = show }
}

// Each runs a batch that may succeed partially (AIP-233): it calls work for each item, and
// returns the results of those that succeeded in the order of the items. It records failed items
// by index in the metadata's failed_requests, as [Run.Failed] does. A panic is INTERNAL, and so
// is work that ends its goroutine. If all items fail, the error is ABORTED, with the message that
// AIP-233 requires. Metadata without the map is a programming mistake: the operation ends with
// INTERNAL before any work runs.
//
// Each saves the results as the run's checkpoint, as JSON or proto, so another attempt calls work
// only for the remaining items. Work for an item that ended but was not saved runs again. An item
// that fails after the context has ended is not recorded as failed, and neither is one that
// returns [TryAgain] while attempts are left: the next attempt repeats it, after the others have
// ended.
func Each[Req, Metadata, C, R any](
	ctx context.Context, run *Run[Req, Metadata], children []C, work func(context.Context, C) (R, error), opts ...EachOption,
) ([]R, error) {
	config := eachConfig{concurrency: run.info.PolicyIn(ctx).Batch.Concurrency, every: time.Second}
	for _, opt := range opts {
		opt(&config)
	}
	e, err := newEach[R](run, len(children), config)
	if err != nil {
		return nil, misuse(run.info, err)
	}
	var workers sync.WaitGroup
	for range min(max(1, config.concurrency), len(children)) {
		workers.Go(func() { workOn(ctx, run, e, children, work, &workers) })
	}
	workers.Wait()
	return e.finish(ctx, run.metadataName())
}

// workOn calls work for one item after another. If work ends the goroutine, its item has failed,
// and another goroutine continues.
func workOn[Req, Metadata, C, R any](
	ctx context.Context, run *Run[Req, Metadata], e *each[R], children []C, work func(context.Context, C) (R, error), workers *sync.WaitGroup,
) {
	at := -1 // the item that work is called for; -1 for none
	defer func() {
		if at >= 0 {
			run.a.log.LogAttrs(ctx, slog.LevelError, "work ended its goroutine", slog.Int("child", at))
			var none R
			e.keep(ctx, at, none, errInternal.WithCause(errLeft))
			workers.Go(func() { workOn(ctx, run, e, children, work, workers) })
		}
	}()
	for i, ok := e.take(ctx); ok; i, ok = e.take(ctx) {
		at = i
		result, again, err := child(ctx, run.a.log, i, children[i], work)
		at = -1
		switch {
		case again != nil && run.a.op.Attempt < run.a.op.MaxAttempts:
			e.putOff(again)
		case err == nil || ctx.Err() == nil:
			e.keep(ctx, i, result, err)
		}
	}
}

// child calls work for one item and recovers panics. again is the [TryAgain] in err.
func child[C, R any](
	ctx context.Context, log *slog.Logger, index int, c C, work func(context.Context, C) (R, error),
) (result R, again *tryAgain, err error) {
	defer func() {
		if value := recover(); value != nil {
			log.LogAttrs(ctx, slog.LevelError, "panic",
				slog.Int("child", index), slog.Any("panic", value), slog.String("stack", string(debug.Stack())))
			again, err = nil, errInternal.WithCause(fmt.Errorf("panic: %v", value))
		}
	}()
	result, err = work(ctx, c)
	errors.As(err, &again)
	return result, again, err
}

// noneSucceeded is the error of a batch whose items have all failed, in the words of AIP-233.
func noneSucceeded(metadata string) error {
	return ReasonNoneSucceeded.Errorf(codes.Aborted,
		"None of the requests succeeded, refer to the %s.failed_requests for individual error details", metadata)
}
