package eventlog_test

import (
	"context"
	"errors"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// transaction holds records until it is committed.
type transaction struct{ data [][]byte }

// inTx is a store that appends in transactions.
type inTx struct{ *eventlog.Memory }

func (s inTx) AppendTx(ctx context.Context, tx any, data ...[]byte) (eventlog.Position, error) {
	t, ok := tx.(*transaction)
	if !ok {
		return eventlog.Position{}, eventlog.ErrNoTx
	}
	t.data = append(t.data, data...)
	b, err := s.Bounds(ctx)
	return eventlog.Position{Epoch: b.Epoch, Sequence: b.Last + uint64(len(t.data))}, err
}

func TestAppendInATransaction(t *testing.T) {
	store := inTx{eventlog.NewMemory()}
	log := newLog(store)
	tx := &transaction{}
	p, err := log.AppendTx(t.Context(), tx, &event{Id: 1}, &event{Id: 2})
	if err != nil || p.Sequence != 2 || len(tx.data) != 2 {
		t.Fatalf("AppendTx returned %v, %v, with %d records in the transaction", p, err, len(tx.data))
	}
	if b, err := log.Bounds(t.Context()); err != nil || b.Last != 0 {
		t.Errorf("the log has the bounds %v, %v before the commit", b, err)
	}
	if _, err := log.AppendTx(t.Context(), tx, nil); err == nil {
		t.Error("a nil message was appended")
	}
	if _, err := log.AppendTx(t.Context(), "a text", &event{}); !errors.Is(err, eventlog.ErrNoTx) {
		t.Errorf("AppendTx in a text returned %v, want ErrNoTx", err)
	}
	if _, err := newLog(store.Memory).AppendTx(t.Context(), tx, &event{}); !errors.Is(err, eventlog.ErrNoTx) {
		t.Errorf("AppendTx to a store without transactions returned %v, want ErrNoTx", err)
	}
}
