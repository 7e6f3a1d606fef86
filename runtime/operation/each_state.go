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

// eachCheckpoint is what [Each] saves.
type eachCheckpoint struct {
	Failed  []int          `json:"failed,omitempty"`
	Results map[int][]byte `json:"results,omitempty"` // of those that succeeded, as encodeResult has them
}

// all ranges over the children that have ended: those that failed with nil.
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

// each is how far a batch is.
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

// newEach returns the batch of n children of a run, as far as another attempt has saved it.
func newEach[R, Req, Metadata any](run *Run[Req, Metadata], n int, config eachConfig) (*each[R], error) {
	if len(run.failed) == 0 {
		return nil, fmt.Errorf("Each: %s has no map<int32, google.rpc.Status> failed_requests for the children that fail", run.metadataName())
	}
	e := &each[R]{
		failed: run.Failed, every: config.every, saved: time.Now(),
		ended: make([]bool, n), results: make([]*R, n), encoded: make(map[int][]byte),
	}
	show, ok := config.progress.(func(*Metadata, int, int))
	if !ok && config.progress != nil {
		return nil, fmt.Errorf("OnProgress got a %T, but the run's metadata are %T", config.progress, run.metadata)
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

// resume begins where another attempt has saved last.
func (e *each[R]) resume(last eachCheckpoint) error {
	for i, encoded := range last.all() {
		if i < 0 || i >= len(e.ended) {
			return fmt.Errorf("the checkpoint is of another batch: it has a child %d of %d", i, len(e.ended))
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

// take returns the index of a child to work on; false where there is none, or the work should end.
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

// count returns how many children have ended; e is locked.
func (e *each[R]) count() (n int) {
	for _, ended := range e.ended {
		if ended {
			n++
		}
	}
	return n
}

// putOff notes that a child is for another attempt.
func (e *each[R]) putOff(again *tryAgain) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.again == nil || again.wait > e.again.wait {
		e.again = again
	}
}

// keep notes how a child has ended, and sees to it that it is saved in time.
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

// saveInTime saves now or, where that was done not long before, later; e is locked.
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

// saveNow saves; e is locked. A panic, which is that of an OnProgress, is one of the work: it is tried again.
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

// stopTimer has nothing more saved by the timer; e is locked.
func (e *each[R]) stopTimer() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// checkpoint returns what there is to save; e is locked.
func (e *each[R]) checkpoint() eachCheckpoint {
	c := eachCheckpoint{Results: e.encoded}
	for i, ended := range e.ended {
		if ended && e.results[i] == nil {
			c.Failed = append(c.Failed, i)
		}
	}
	return c
}

// finish returns the results, or why there are none. metadata is the name of the message that has the failures.
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

// succeeded returns the results; e is locked.
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

// encodeResult encodes a message as proto, and all else as JSON.
func encodeResult[R any](result R) ([]byte, error) {
	if m, ok := any(result).(proto.Message); ok {
		return proto.Marshal(m)
	}
	return json.Marshal(result)
}

// decodeResult reads what encodeResult has written.
func decodeResult[R any](encoded []byte) (result R, err error) {
	kind := reflect.TypeFor[R]()
	if kind.Kind() != reflect.Pointer || !kind.Implements(reflect.TypeFor[proto.Message]()) {
		return result, json.Unmarshal(encoded, &result)
	}
	m, ok := reflect.New(kind.Elem()).Interface().(R)
	if !ok {
		return result, errors.New("results must be messages, or what encoding/json reads")
	}
	return m, proto.Unmarshal(encoded, any(m).(proto.Message))
}
