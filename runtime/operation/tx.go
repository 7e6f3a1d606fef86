package operation

import (
	"context"
	"errors"
	"fmt"
)

// TxStore is a [Store] that can start operations in transactions of the user; see [WithTx].
type TxStore interface {
	Store
	// CreateTx is Create as a part of tx, whose type the store documents: workers see the
	// operation when tx is committed, and never if tx is rolled back. Until tx ends, others that
	// would start an operation with the same idempotency key or conflict key wait. It returns
	// [ErrNoTx] if tx is not a transaction of the store.
	CreateTx(ctx context.Context, tx any, op *Record, queue bool) (stored *Record, created bool, err error)
}

// ErrNoTx is the error for a value that is not a transaction of the store.
var ErrNoTx = errors.New("not a transaction of the store")

// WithTx starts the operation in a transaction of the user: work starts after tx is committed, and
// never if tx is rolled back. The store must be a [TxStore] and documents the type of tx. The
// returned operation exists only after the commit, so return it to the caller after that. A
// transaction does not cancel other operations: with on_conflict set to preempt, the error is
// OPERATION_CONFLICT if another one has the conflict key.
func WithTx(tx any) StartOption { return func(c *startConfig) { c.tx = tx } }

// createTx adds an operation in a transaction.
func (m *Manager) createTx(ctx context.Context, tx any, op *Record, queue bool) (*Record, bool, error) {
	store, ok := m.store.Store.(TxStore)
	if !ok {
		return nil, false, fmt.Errorf("%w: a %T has no transactions", ErrNoTx, m.store.Store)
	}
	return store.CreateTx(ctx, tx, op, queue)
}
