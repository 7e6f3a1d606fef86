package idempotency

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
)

// Save keeps resp as the response of the call that ctx belongs to, in the transaction tx of the method's effect: both are there
// or neither is. A call that is made again never runs again then, whenever the process ended. The method returns resp once
// the transaction is committed:
//
//	err := db.InTx(ctx, func(tx *sql.Tx) error {
//		… // create the book
//		return idempotency.Save(ctx, tx, book)
//	})
//
// The store must be a [TxStore], which says what tx is. An error means that the transaction must not be committed, and is one
// that the method can return; it is [ErrLost] where another call may have run in the place of this one.
//
// Save does nothing in a call without an idempotency key, on a server without a guard, and where resp is not of the type that the
// RPC answers with: a method that is called by another one, as by a batch, leaves it to that to save what it answers.
func Save(ctx context.Context, tx any, resp proto.Message) error {
	s, ok := ctx.Value(savingKey{}).(*saving)
	if !ok || resp.ProtoReflect().Descriptor().FullName() != s.response.Descriptor().FullName() {
		return nil
	}
	store, ok := s.store.(TxStore)
	if !ok {
		return errInternal("%s: the store, a %T, cannot save in a transaction", s.name[1:], s.store)
	}
	response, err := proto.Marshal(resp)
	if err != nil {
		return errInternal("%s: the response cannot be encoded: %w", s.name[1:], err)
	}
	if err := store.FinishTx(ctx, tx, s.claim.Key, s.claim.Fence, response, s.window); err != nil {
		return s.notSaved(ctx, err)
	}
	s.saved.Store(true)
	return nil
}

// notSaved returns what the caller gets where the method returns the error.
func (s *saving) notSaved(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrLost):
		return errInProgress().WithCause(err)
	case errors.Is(err, ErrNoTx):
		return errInternal("%s: save the response: %w", s.name[1:], err)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return errStore(err)
}

type savingKey struct{}

// saving is what [Save] finds in the context of a call.
type saving struct {
	*attempt
	saved atomic.Bool
}
