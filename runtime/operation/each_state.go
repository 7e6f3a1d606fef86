package operation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// eachCheckpoint is what [Each] saves.
type eachCheckpoint struct {
	Failed  []int          `json:"failed,omitempty"`
	Results map[int][]byte `json:"results,omitempty"` // of those that succeeded, as encodeResult has them
}

// each is how far a batch is.
type each[R any] struct {
	failed func(index int, err error)
	save   func(context.Context) error
	every  time.Duration

	mu      sync.Mutex
	next    int
	ended   []bool // by index
	results []*R   // of those that succeeded
	encoded map[int][]byte
	saved   time.Time // when it was saved last
	dirty   bool
	err     error // what ends it all
}

// resume begins where another attempt has saved last.
func (e *each[R]) resume(last eachCheckpoint) error {
	e.encoded = make(map[int][]byte, len(e.ended))
	for _, i := range last.Failed {
		if i < 0 || i >= len(e.ended) {
			return fmt.Errorf("the checkpoint is of a batch with a child %d, this one has %d", i, len(e.ended))
		}
		e.ended[i] = true
	}
	for i, encoded := range last.Results {
		if i < 0 || i >= len(e.ended) {
			return fmt.Errorf("the checkpoint is of a batch with a child %d, this one has %d", i, len(e.ended))
		}
		result, err := decodeResult[R](encoded)
		if err != nil {
			return err
		}
		e.ended[i], e.results[i], e.encoded[i] = true, &result, encoded
	}
	return nil
}

// take returns the index of a child to work on.
func (e *each[R]) take() (index int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.err == nil && e.next < len(e.ended) {
		index = e.next
		e.next++
		if !e.ended[index] {
			return index, true
		}
	}
	return 0, false
}

// keep notes how a child has ended, and saves now and then.
func (e *each[R]) keep(ctx context.Context, index int, result R, err error) error {
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
	if e.err == nil && time.Since(e.saved) >= e.every {
		e.err = e.saveNow(ctx)
	}
	return e.err
}

// saveNow saves; e is locked.
func (e *each[R]) saveNow(ctx context.Context) error {
	err := e.save(ctx)
	e.saved, e.dirty = time.Now(), false
	return err
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

// finish returns the results, or why there are none.
func (e *each[R]) finish(ctx context.Context, run interface{ metadataName() string }) (succeeded []R, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil && e.dirty && ctx.Err() != nil {
		e.err = e.saveNow(ctx)
	}
	if e.err != nil {
		return nil, e.err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i, ended := range e.ended {
		if !ended {
			return nil, fmt.Errorf("child %d ended its goroutine, as FailNow of a test does", i)
		}
		if e.results[i] != nil {
			succeeded = append(succeeded, *e.results[i])
		}
	}
	if len(e.ended) > 0 && len(succeeded) == 0 {
		return nil, noneSucceeded(run.metadataName())
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
