package idempotency

import (
	"context"
	"log/slog"
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
			return entry, nil
		case entry.Digest != a.claim.Digest:
			return Entry{}, a.reused
		case entry.Done:
			return entry, nil
		}
		if err := patience.pause(ctx, pause); err != nil {
			return Entry{}, err
		}
	}
}

// ask calls the store once.
func (a *attempt) ask(ctx context.Context) (Entry, error) {
	a.claim.Lease = a.lease
	if deadline, ok := ctx.Deadline(); ok {
		a.claim.Lease = min(max(time.Until(deadline), 0), longestLease) + leaseMargin
	}
	entry, err := a.store.Begin(ctx, a.claim)
	if err == nil {
		return entry, nil
	}
	_ = a.giveBack(ctx) // the claim may exist, and only the response was lost
	if ctx.Err() != nil {
		return Entry{}, ctx.Err()
	}
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
	resp, err := run(context.WithValue(ctx, savingKey{}, s))
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
