package operation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

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
	show   func() // how far it is, in the metadata
	every  time.Duration

	mu      sync.Mutex
	next    int
	ended   []bool // by index
	results []*R   // of those that succeeded
	encoded map[int][]byte
	saved   time.Time // when it was saved last
	dirty   bool
	timer   *time.Timer // of the next save; nil for none
	again   *tryAgain   // for children that were put off
	err     error       // what ends it all
}

// newEach returns the batch of n items of a run, restored from the last checkpoint.
func newEach[R, Req, Metadata any](run *Run[Req, Metadata], n int, config eachConfig) (*each[R], error) {
	if len(run.failed) == 0 {
		return nil, fmt.Errorf("Each: %s has no map<int32, google.rpc.Status> failed_requests for failed items", run.metadataName())
	}
	e := &each[R]{
		failed: run.Failed, every: config.every, saved: time.Now(),
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
			e.err = TryAgain(errInternal.WithCause(fmt.Errorf("panic: %v\n%s", value, debug.Stack())), 0)
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
			return nil, fmt.Errorf("child %d: %w", i, errLeft)
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
