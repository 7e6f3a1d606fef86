package operation_test

import (
	"context"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// panickyStore panics at the first call of each method that the manager calls by itself.
type panickyStore struct {
	operation.Store
	mu   sync.Mutex
	seen map[string]bool
}

func (s *panickyStore) once(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen[method] {
		s.seen[method] = true
		panic(method)
	}
}

func (s *panickyStore) Claim(ctx context.Context, methods []string, n int) ([]*operation.Record, error) {
	s.once("Claim")
	return s.Store.Claim(ctx, methods, n)
}

func (s *panickyStore) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	s.once("Finish")
	return s.Store.Finish(ctx, name, fence, r)
}

func (s *panickyStore) Expire(ctx context.Context, n int) (int, error) {
	s.once("Expire")
	return s.Store.Expire(ctx, n)
}

func (s *panickyStore) Watch(ctx context.Context, seen *operation.Record) (<-chan struct{}, error) {
	s.once("Watch")
	return s.Store.Watch(ctx, seen)
}

// TestStoresMayPanic checks that an operation ends although its store panics in goroutines of the
// manager, where nothing else recovers.
func TestStoresMayPanic(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &panickyStore{Store: operation.Memory(), seen: make(map[string]bool)}
		s := open(t, store, runtime.Operation{}, result("red", nil))
		defer s.stop()
		op := s.start(t.Context(), ``)
		if state, _ := s.end(t.Context(), op.GetName()); !state.Done {
			t.Errorf("the operation is %v", state)
		}
		for _, method := range []string{"Claim", "Finish", "Expire", "Watch"} {
			store.mu.Lock()
			if !store.seen[method] {
				t.Errorf("%s was not called", method)
			}
			store.mu.Unlock()
		}
	})
}
