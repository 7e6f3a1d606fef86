// Package refreshed keeps a recent copy of a value that is slow to get, such as a count of a
// database, for readers that must not wait.
package refreshed

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// Interval is the minimum time between two refreshes.
	Interval = 15 * time.Second
	// Timeout bounds a refresh.
	Timeout = 10 * time.Second
)

// Value is a copy of a value that get returns. Its methods may be called concurrently.
type Value[T any] struct {
	get     func(context.Context) (T, error)
	start   time.Time
	current atomic.Pointer[T]
	due     atomic.Int64 // when the next refresh may start, in nanoseconds since start
}

// New returns a Value that has no copy yet.
func New[T any](get func(context.Context) (T, error)) *Value[T] {
	return &Value[T]{get: get, start: time.Now()}
}

// never is the time of the next refresh while one is running.
const never = 1<<63 - 1

// Get returns the latest copy; false before the first one. It does not wait: if the latest refresh
// ended an [Interval] ago, Get starts the next one in the background. A refresh that fails, or
// panics, leaves the copy as it is.
func (v *Value[T]) Get() (value T, ok bool) {
	current := v.current.Load()
	due := v.due.Load()
	if int64(time.Since(v.start)) >= due && v.due.CompareAndSwap(due, never) {
		go v.refresh()
	}
	if current == nil {
		return value, false
	}
	return *current, true
}

func (v *Value[T]) refresh() {
	defer func() { v.due.Store(int64(time.Since(v.start) + Interval)) }()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	if value, err := v.recovered(ctx); err == nil {
		v.current.Store(&value)
	}
}

var errPanicked = errors.New("panic")

func (v *Value[T]) recovered(ctx context.Context) (value T, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return v.get(ctx)
}
