package operation_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// hinting is a store that gives hints, counts claims, and has transactions.
type hinting struct {
	operation.Store

	mu     sync.Mutex
	due    chan struct{}
	claims int
}

func newHinting() *hinting { return &hinting{Store: operation.Memory(), due: make(chan struct{})} }

// Due implements operation.Notifier.
func (h *hinting) Due() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.due
}

// hint gives a hint.
func (h *hinting) hint() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.due)
	h.due = make(chan struct{})
}

func (h *hinting) Claim(ctx context.Context, methods []string, n int) ([]*operation.Record, error) {
	h.mu.Lock()
	h.claims++
	h.mu.Unlock()
	return h.Store.Claim(ctx, methods, n)
}

// transaction collects what is done when it is committed.
type transaction struct{ effects []func() }

func (tx *transaction) commit() {
	for _, f := range tx.effects {
		f()
	}
}

// CreateTx implements operation.TxStore.
func (h *hinting) CreateTx(ctx context.Context, tx any, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	in, ok := tx.(*transaction)
	if !ok {
		return nil, false, fmt.Errorf("%w: %T", operation.ErrNoTx, tx)
	}
	in.effects = append(in.effects, func() {
		if _, _, err := h.Create(context.WithoutCancel(ctx), op, queue); err != nil {
			panic(err)
		}
		h.hint()
	})
	return op, true, nil
}

// elsewhere returns a manager of another process that only starts operations.
func elsewhere(store operation.Store) *operation.Manager {
	return operation.NewManager(store, operation.WithStartOnly())
}

func TestHintsSaveWaiting(t *testing.T) {
	for _, hinted := range []bool{true, false} {
		inTime(t, func(t *testing.T) {
			store := newHinting()
			s := open(t, store, runtime.Operation{}, result("painted", nil))
			defer s.stop()
			time.Sleep(time.Millisecond) // it rests
			op, err := s.method.Start(t.Context(), elsewhere(store), request(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			if hinted {
				store.hint()
			}
			start := time.Now()
			s.end(t.Context(), op.GetName())
			if took := time.Since(start); hinted && took > 0 || took > 7*time.Second {
				t.Errorf("hinted: %v, the operation ended after %v", hinted, took)
			}
		})
	}
}

// TestHintsForNothing gives many hints of what other processes get.
func TestHintsForNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := newHinting()
		s := open(t, store, runtime.Operation{}, result("painted", nil))
		defer s.stop()
		for range 10_000 {
			time.Sleep(time.Millisecond)
			store.hint()
		}
		if store.claims > 100 { // on average every half of a second
			t.Errorf("in ten seconds of hints for nothing, there were %d claims", store.claims)
		}
	})
}

func TestWithTx(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := newHinting()
		s := open(t, store, runtime.Operation{}, result("painted", nil))
		defer s.stop()
		tx := &transaction{}
		op := s.start(t.Context(), "", operation.WithTx(tx))
		time.Sleep(time.Minute)
		if _, err := s.m.Get(t.Context(), op.GetName()); status.Code(err) != codes.NotFound {
			t.Errorf("before the commit, Get returned %v", err)
		}
		tx.commit()
		if state, _ := s.end(t.Context(), op.GetName()); state.Status != nil {
			t.Errorf("the operation failed: %v", state.Status)
		}
	})
}

func TestWithTxOfAnother(t *testing.T) {
	for what, store := range map[string]operation.Store{"another store": newHinting(), "a store without transactions": operation.Memory()} {
		s := open(t, store, runtime.Operation{}, result("painted", nil))
		_, err := s.method.Start(t.Context(), s.m, request(t, ""), operation.WithTx("tx"))
		if status.Code(err) != codes.Internal {
			t.Errorf("%s: Start returned %v, want INTERNAL", what, err)
		}
		s.stop()
	}
}
