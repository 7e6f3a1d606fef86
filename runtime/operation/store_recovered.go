package operation

import (
	"context"
	"time"
)

// recoveredStore converts panics of a store to errors, because the manager calls it in goroutines
// where nothing else recovers. Most of these calls are retried.
type recoveredStore struct{ Store }

func recovered(err *error) {
	if value := recover(); value != nil {
		*err = panicError("the store panicked", value)
	}
}

func (s recoveredStore) Claim(ctx context.Context, methods []string, n int) (claimed []*Record, err error) {
	defer recovered(&err)
	return s.Store.Claim(ctx, methods, n)
}

func (s recoveredStore) Renew(ctx context.Context, name string, fence int64) (cancelled bool, err error) {
	defer recovered(&err)
	return s.Store.Renew(ctx, name, fence)
}

func (s recoveredStore) Save(ctx context.Context, name string, fence int64, p Progress) (cancelled bool, err error) {
	defer recovered(&err)
	return s.Store.Save(ctx, name, fence, p)
}

func (s recoveredStore) Finish(ctx context.Context, name string, fence int64, r Result) (err error) {
	defer recovered(&err)
	return s.Store.Finish(ctx, name, fence, r)
}

func (s recoveredStore) Release(ctx context.Context, name string, fence int64, again Again) (err error) {
	defer recovered(&err)
	return s.Store.Release(ctx, name, fence, again)
}

func (s recoveredStore) Expire(ctx context.Context, n int) (expired int, err error) {
	defer recovered(&err)
	return s.Store.Expire(ctx, n)
}

func (s recoveredStore) Count(ctx context.Context) (counts []Count, err error) {
	defer recovered(&err)
	return s.Store.Count(ctx)
}

func (s recoveredStore) Watch(ctx context.Context, seen *Record) (news <-chan struct{}, err error) {
	defer recovered(&err)
	return s.Store.Watch(ctx, seen)
}

// claimTimeout bounds calls of the store that no lease bounds.
const claimTimeout = 10 * time.Second
