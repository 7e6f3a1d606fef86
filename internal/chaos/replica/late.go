package replica

import (
	"context"
	"math/rand/v2"
	"sync"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// lateStore delivers some saves twice, the second time after the next write of the worker, as a
// network does that has held the statement of a save whose worker has repeated it.
type lateStore struct {
	operation.Store
	share float64

	mu   sync.Mutex
	held map[string]lateSave // by operation
}

// lateSave is a save that is on its way.
type lateSave struct {
	fence    int64
	progress operation.Progress
}

func newLateStore(store operation.Store, share float64) *lateStore {
	return &lateStore{Store: store, share: share, held: make(map[string]lateSave)}
}

// Save delivers the save that is on its way after this one, or holds this one.
func (s *lateStore) Save(ctx context.Context, name string, fence int64,
	p operation.Progress) (bool, error) {
	cancelled, err := s.Store.Save(ctx, name, fence, p)
	if !s.deliver(ctx, name) && rand.Float64() < s.share {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held[name] = lateSave{fence, p}
	}
	return cancelled, err
}

// Finish delivers the save that is on its way after the end.
func (s *lateStore) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	defer s.deliver(ctx, name)
	return s.Store.Finish(ctx, name, fence, r)
}

// Release delivers the save that is on its way after the operation was released.
func (s *lateStore) Release(ctx context.Context, name string, fence int64,
	again operation.Again) error {
	defer s.deliver(ctx, name)
	return s.Store.Release(ctx, name, fence, again)
}

// deliver delivers the save that is on its way, if there is one. Nobody waits for its outcome.
func (s *lateStore) deliver(ctx context.Context, name string) (found bool) {
	s.mu.Lock()
	late, found := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if found {
		_, _ = s.Store.Save(ctx, name, late.fence, late.progress)
	}
	return found
}
