package idempotency

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// afterwards bounds calls of the store after the guarded call, whose own deadline may have
// passed.
const afterwards = 5 * time.Second

// attempt is one call with an idempotency key: its claim, and what is stored at its end.
type attempt struct {
	*method
	claim Claim
}

// begin makes the claim. The entry that it returns is either the attempt's own, or a finished
// entry of the same request.
func (a *attempt) begin(ctx context.Context) (Entry, error) {
	patience := a.patience()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		entry, err := a.ask(ctx)
		switch {
		case err != nil:
			return Entry{}, err
		case entry.Fence == a.claim.Fence:
			a.counts.ran.Add(1)
			return entry, nil
		case entry.Digest != a.claim.Digest:
			a.counts.mismatch.Add(1)
			return Entry{}, a.reused
		case entry.Done:
			a.counts.replayed.Add(1)
			return entry, nil
		}
		if err := patience.pause(ctx, pause); err != nil {
			a.counts.inProgress.Add(1)
			return Entry{}, err
		}
	}
}

// ask calls the store once.
func (a *attempt) ask(ctx context.Context) (Entry, error) {
	a.claim.Lease = a.lease
	if deadline, ok := ctx.Deadline(); ok {
		a.claim.Lease = min(a.lease, min(max(time.Until(deadline), 0), longestRun)+leaseMargin)
	}
	entry, err := a.store.Begin(ctx, a.claim)
	if err == nil {
		return entry, nil
	}
	_ = a.giveBack(ctx) // the claim may exist, and only the response was lost
	if ctx.Err() != nil {
		return Entry{}, ctx.Err()
	}
	a.counts.failed.Add(1)
	return Entry{}, errStore(err)
}

// run runs the method under the claim. If it does not return a response, also if it panics, run
// releases the claim.
func (a *attempt) run(ctx context.Context, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
	answered := false
	defer func() {
		if !answered {
			a.release(ctx)
		}
	}()
	s := &saving{attempt: a}
	resp, err := s.runRenewed(ctx, run)
	if err != nil {
		return nil, err
	}
	if s.saved.Load() {
		answered = true
		return resp, nil
	}
	response, err := proto.Marshal(resp)
	if err != nil {
		return nil, errInternal("%s: the response cannot be encoded: %w", a.name[1:], err)
	}
	answered = true
	a.finish(ctx, response)
	return resp, nil
}

// finish stores the response. If that fails, the caller still receives it, because the method has
// succeeded.
func (a *attempt) finish(ctx context.Context, response []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if err := a.store.Finish(ctx, a.claim.Key, a.claim.Fence, response, a.window); err != nil {
		a.counts.unsaved.Add(1)
		a.warn(ctx, "the response of a call was not stored; a retry with its idempotency key will run again", err)
	}
}

// release releases the claim of a failed call.
func (a *attempt) release(ctx context.Context) {
	if err := a.giveBack(ctx); err != nil {
		a.warn(ctx, "a failed call still holds its idempotency key; retries will be rejected until the lease expires", err)
	}
}

func (a *attempt) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	return a.store.Release(ctx, a.claim.Key, a.claim.Fence)
}

func (a *attempt) warn(ctx context.Context, text string, err error) {
	if call, ok := runtime.CallFromContext(ctx); ok {
		call.Logger().LogAttrs(ctx, slog.LevelWarn, text, slog.Any("error", err), slog.Duration("lease", a.claim.Lease))
	}
}

// The pauses between two checks of a call that is still running.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// patience is how long a call waits for another one.
type patience struct {
	until  time.Time
	always bool // until the call's own deadline
}

// patience returns the patience of a call. Only the policy decides whether the call may be one of
// several attempts: any caller can send metadata that claims so.
func (a *attempt) patience() patience {
	return patience{until: time.Now().Add(a.wait), always: a.attempts}
}

// pause waits, for at most as long as the patience lasts. If it is exhausted, pause returns the
// error for the caller.
func (p patience) pause(ctx context.Context, d time.Duration) error {
	if !p.always {
		if d = min(d, time.Until(p.until)); d <= 0 {
			return errInProgress()
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

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
