package operation

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// recoveredStore converts panics of a store to errors, because the manager calls it in goroutines
// where nothing else recovers. Most of these calls are retried.
type recoveredStore struct {
	Store
	panicked func(value any, stack []byte)
}

// recovered sets the error of a panic. Defer it directly.
func (s recoveredStore) recovered(err *error) {
	if value := recover(); value != nil {
		stack := debug.Stack()
		*err = fmt.Errorf("the store panicked: %v\n%s", value, stack)
		s.panicked(value, stack)
	}
}

func (s recoveredStore) Claim(ctx context.Context, methods []string, n int) (claimed []*Record, err error) {
	defer s.recovered(&err)
	return s.Store.Claim(ctx, methods, n)
}

func (s recoveredStore) Renew(ctx context.Context, name string, fence int64) (cancelled bool, err error) {
	defer s.recovered(&err)
	return s.Store.Renew(ctx, name, fence)
}

func (s recoveredStore) Save(ctx context.Context, name string, fence int64, p Progress) (cancelled bool, err error) {
	defer s.recovered(&err)
	return s.Store.Save(ctx, name, fence, p)
}

func (s recoveredStore) Finish(ctx context.Context, name string, fence int64, r Result) (err error) {
	defer s.recovered(&err)
	return s.Store.Finish(ctx, name, fence, r)
}

func (s recoveredStore) Release(ctx context.Context, name string, fence int64, again Again) (err error) {
	defer s.recovered(&err)
	return s.Store.Release(ctx, name, fence, again)
}

func (s recoveredStore) Expire(ctx context.Context, n int) (expired int, err error) {
	defer s.recovered(&err)
	return s.Store.Expire(ctx, n)
}

func (s recoveredStore) Count(ctx context.Context) (counts []Count, err error) {
	defer s.recovered(&err)
	return s.Store.Count(ctx)
}

func (s recoveredStore) Watch(ctx context.Context, seen *Record) (news <-chan struct{}, err error) {
	defer s.recovered(&err)
	return s.Store.Watch(ctx, seen)
}

// claimTimeout bounds calls of the store that no lease bounds.
const claimTimeout = 10 * time.Second
