package operation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
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
			run.a.log.LogAttrs(ctx, slog.LevelError, "work ended its goroutine", slog.Int("item", at))
			var none R
			e.keep(ctx, at, none, errInternal.WithCause(errLeft))
			workers.Go(func() { workOn(ctx, run, e, children, work, workers) })
		}
	}()
	for i, ok := e.take(ctx); ok; i, ok = e.take(ctx) {
		at = i
		result, again, err := callItem(ctx, run.a, i, children[i], work)
		at = -1
		switch {
		case again != nil && run.a.op.Attempt < run.a.op.MaxAttempts:
			e.putOff(again)
		case err == nil || ctx.Err() == nil:
			e.keep(ctx, i, result, err)
		}
	}
}

// callItem calls work for one item and recovers panics. again is the [TryAgain] in err.
func callItem[C, R any](
	ctx context.Context, a *attempt, index int, c C, work func(context.Context, C) (R, error),
) (result R, again *tryAgain, err error) {
	defer func() {
		if value := recover(); value != nil {
			a.config.recovered(ctx, a.log, value, slog.Int("item", index))
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

// eachCheckpoint is the checkpoint of [Each].
type eachCheckpoint struct {
	Failed  []int          `json:"failed,omitempty"`
	Results map[int][]byte `json:"results,omitempty"` // of those that succeeded, as encodeResult has them
}

// all ranges over the items that have ended; failed ones are nil.
func (c eachCheckpoint) all() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for _, i := range c.Failed {
			if !yield(i, nil) {
				return
			}
		}
		for i, encoded := range c.Results {
			if !yield(i, append([]byte{}, encoded...)) {
				return
			}
		}
	}
}

// each is the state of a batch.
type each[R any] struct {
	failed func(index int, err error)
	save   func(context.Context) error
	report func(ctx context.Context, value any, stack []byte) // of a panic
	show   func()                                             // how far it is, in the metadata
	every  time.Duration

	mu      sync.Mutex
	next    int
	ended   []bool // by index
	results []*R   // of those that succeeded
	encoded map[int][]byte
	saved   time.Time // when it was saved last
	dirty   bool
	timer   *time.Timer // of the next save; nil for none
	again   *tryAgain   // for items that were put off
	err     error       // what ends it all
}

// newEach returns the batch of n items of a run, restored from the last checkpoint.
func newEach[R, Req, Metadata any](run *Run[Req, Metadata], n int, config eachConfig) (*each[R], error) {
	if len(run.failed) == 0 {
		return nil, fmt.Errorf("Each: %s has no map<int32, google.rpc.Status> failed_requests for failed items", run.metadataName())
	}
	e := &each[R]{
		failed: run.Failed, every: config.every, saved: time.Now(), report: run.a.config.handlePanic,
		ended: make([]bool, n), results: make([]*R, n), encoded: make(map[int][]byte),
	}
	show, ok := config.progress.(func(*Metadata, int, int))
	if !ok && config.progress != nil {
		return nil, fmt.Errorf("WithProgress has a function for %T, but the run's metadata is %T", config.progress, run.metadata)
	}
	change := func(m *Metadata) {
		if show != nil {
			show(m, e.count(), n)
		}
	}
	e.show = func() { run.change(change) }
	e.save = func(ctx context.Context) error { return run.Save(ctx, e.checkpoint(), change) }
	var last eachCheckpoint
	if _, err := run.Checkpoint(&last); err != nil {
		return nil, err
	}
	return e, e.resume(last)
}

// resume restores the last checkpoint.
func (e *each[R]) resume(last eachCheckpoint) error {
	for i, encoded := range last.all() {
		if i < 0 || i >= len(e.ended) {
			return fmt.Errorf("the checkpoint belongs to another batch: it has item %d of %d", i, len(e.ended))
		}
		e.ended[i] = true
		if encoded == nil {
			continue
		}
		result, err := decodeResult[R](encoded)
		if err != nil {
			return err
		}
		e.results[i], e.encoded[i] = &result, encoded
	}
	return nil
}

// take returns the index of the next item, or false if there is none or the work should end.
func (e *each[R]) take(ctx context.Context) (index int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.err == nil && ctx.Err() == nil && e.next < len(e.ended) {
		index = e.next
		e.next++
		if !e.ended[index] {
			return index, true
		}
	}
	return 0, false
}

// count returns how many items have ended. e is locked.
func (e *each[R]) count() (n int) {
	for _, ended := range e.ended {
		if ended {
			n++
		}
	}
	return n
}

// putOff leaves an item for another attempt.
func (e *each[R]) putOff(again *tryAgain) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.again == nil || again.wait > e.again.wait {
		e.again = again
	}
}

// keep records how an item has ended, and schedules the next save.
func (e *each[R]) keep(ctx context.Context, index int, result R, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended[index], e.dirty = true, true
	if err != nil {
		e.failed(index, err)
	} else if encoded, err := encodeResult(result); err != nil {
		e.err = err
	} else {
		e.results[index], e.encoded[index] = &result, encoded
	}
	e.saveInTime(ctx)
}

// saveInTime saves now, or later if the last save was recent. e is locked.
func (e *each[R]) saveInTime(ctx context.Context) {
	wait := e.every - time.Since(e.saved)
	switch {
	case e.err != nil:
	case wait <= 0:
		e.saveNow(ctx)
	case e.timer == nil:
		e.timer = time.AfterFunc(wait, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.timer != nil && e.err == nil {
				e.saveNow(ctx)
			}
		})
	}
}

// saveNow saves. e is locked. A panic, which is that of a progress function, counts as one of the
// work: the operation is retried.
func (e *each[R]) saveNow(ctx context.Context) {
	defer func() {
		if value := recover(); value != nil {
			stack := debug.Stack()
			e.err = TryAgain(errInternal.WithCause(fmt.Errorf("panic: %v\n%s", value, stack)), 0)
			e.report(ctx, value, stack)
		}
	}()
	e.stopTimer()
	e.err = e.save(ctx)
	e.saved, e.dirty = time.Now(), false
}

// stopTimer cancels the scheduled save. e is locked.
func (e *each[R]) stopTimer() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// checkpoint returns what to save. e is locked.
func (e *each[R]) checkpoint() eachCheckpoint {
	c := eachCheckpoint{Results: e.encoded}
	for i, ended := range e.ended {
		if ended && e.results[i] == nil {
			c.Failed = append(c.Failed, i)
		}
	}
	return c
}

// finish returns the results or an error. metadata is the name of the message that has the
// failures.
func (e *each[R]) finish(ctx context.Context, metadata string) (succeeded []R, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopTimer()
	if (ctx.Err() != nil || e.again != nil) && e.dirty && e.err == nil {
		e.saveNow(ctx)
	}
	switch {
	case e.err != nil:
		return nil, e.err
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case e.again != nil:
		return nil, e.again
	}
	e.show()
	return e.succeeded(metadata)
}

// succeeded returns the results. e is locked.
func (e *each[R]) succeeded(metadata string) (succeeded []R, err error) {
	for i, result := range e.results {
		if !e.ended[i] {
			return nil, fmt.Errorf("item %d: %w", i, errLeft)
		}
		if result != nil {
			succeeded = append(succeeded, *result)
		}
	}
	if len(e.ended) > 0 && len(succeeded) == 0 {
		return nil, noneSucceeded(metadata)
	}
	return succeeded, nil
}

// encodeResult encodes messages as proto, and other values as JSON.
func encodeResult[R any](result R) ([]byte, error) {
	if m, ok := any(result).(proto.Message); ok {
		return proto.Marshal(m)
	}
	return json.Marshal(result)
}

// decodeResult decodes the result of encodeResult.
func decodeResult[R any](encoded []byte) (result R, err error) {
	kind := reflect.TypeFor[R]()
	if kind.Kind() != reflect.Pointer || !kind.Implements(reflect.TypeFor[proto.Message]()) {
		return result, json.Unmarshal(encoded, &result)
	}
	m, ok := reflect.New(kind.Elem()).Interface().(R)
	if !ok {
		return result, errors.New("results must be messages, or values that encoding/json can decode")
	}
	return m, proto.Unmarshal(encoded, any(m).(proto.Message))
}
