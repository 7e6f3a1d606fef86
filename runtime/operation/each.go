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

// Concurrency sets how many children are worked on at a time, in place of what the RPC's policy says of its batches, or one.
func WithConcurrency(n int) EachOption { return func(c *eachConfig) { c.concurrency = n } }

// SaveEvery sets how long a child that has ended may not be saved by [Each], in place of a second; 0 saves after each child.
func WithSaveInterval(d time.Duration) EachOption { return func(c *eachConfig) { c.every = d } }

// OnProgress has show write into the metadata how many of the children have ended, failed ones included. [Each] calls it whenever it
// saves, and saves both together, so that another attempt goes on with what the metadata say. Metadata is that of the run; show
// must not call methods of the run.
//
//	operation.WithProgress(func(m *shopv1.BatchMetadata, ended, total int) { m.Done, m.Total = int32(ended), int32(total) })
func WithProgress[Metadata any](show func(m *Metadata, ended, total int)) EachOption {
	return func(c *eachConfig) { c.progress = show }
}

// Each does the work of a batch that may succeed in part (AIP-233): it calls work for each child, and returns the results of
// those that succeeded, in the order of the children. Those that failed are in the metadata's failed_requests, by their index,
// as [Run.Failed] notes them; a panic is INTERNAL, and so is a work that ends its goroutine. Where all have failed, the error is the one that AIP-233 asks for: ABORTED.
// Metadata without that map are a mistake, which ends the operation with INTERNAL before any work is done.
//
// It saves the results as the run's checkpoint, as JSON or proto, so that another attempt calls work for the children that are
// not done. A child whose end was not saved is worked on again. The work of a child that fails after the context has ended is
// not a failure; nor is [TryAgain], as long as there is another attempt: that works on the child again, when the others have
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

// workOn calls work for one child after another. Where that ends the goroutine, its child has failed, and another goroutine goes on.
func workOn[Req, Metadata, C, R any](
	ctx context.Context, run *Run[Req, Metadata], e *each[R], children []C, work func(context.Context, C) (R, error), workers *sync.WaitGroup,
) {
	at := -1 // the child that work is called for; -1 for none
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

// child calls work for one child, recovered. again is what is in err of [TryAgain].
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

// noneSucceeded is the end of a batch whose children have all failed. AIP-233 says its words.
func noneSucceeded(metadata string) error {
	return ReasonNoneSucceeded.Errorf(codes.Aborted,
		"None of the requests succeeded, refer to the %s.failed_requests for individual error details", metadata)
}
