package idempotency

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
)

// Save stores resp as the response of the call that ctx belongs to, in the transaction tx of the
// method's effect: either both are committed or neither is. Then a retried call never runs again,
// whenever the process ended. The method returns resp once the transaction is committed:
//
//	err := db.InTx(ctx, func(tx *sql.Tx) error {
//		… // create the book
//		return idempotency.Save(ctx, tx, book)
//	})
//
// The store must be a [TxStore], which documents the type of tx. If Save returns an error, do not
// commit the transaction; the method can return the error. It is [ErrLost] if another call may
// have run instead of this one.
//
// Save does nothing in a call without an idempotency key, on a server without a guard, and if
// resp is not the RPC's response type: a method called by another one, such as a batch, leaves it
// to that one to save its response.
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

// notSaved returns the error that the method should return.
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
