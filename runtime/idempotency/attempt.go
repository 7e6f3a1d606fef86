package idempotency

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// afterwards is how long the store may take for what is told to it when a call is over, whose own time may be up.
const afterwards = 5 * time.Second

// attempt is one call with an idempotency key: a claim to run it, and after that what is done about its end.
type attempt struct {
	*method
	claim Claim
}

// begin makes the claim. The entry that it returns is the attempt's own, or of the same request and done.
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

// ask asks the store once.
func (a *attempt) ask(ctx context.Context) (Entry, error) {
	a.claim.Lease = a.lease
	if deadline, ok := ctx.Deadline(); ok {
		a.claim.Lease = min(max(time.Until(deadline), 0), longestLease) + leaseMargin
	}
	entry, err := a.store.Begin(ctx, a.claim)
	if err == nil {
		return entry, nil
	}
	_ = a.giveBack(ctx) // it may have been made, and only the answer lost
	if ctx.Err() != nil {
		return Entry{}, ctx.Err()
	}
	return Entry{}, errStore(err)
}

// run runs the method under the claim. Whatever it ends with but a response, a panic too, gives the claim back.
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

// finish keeps the response. If that fails, the caller still gets it: what was asked for has been done.
func (a *attempt) finish(ctx context.Context, response []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if err := a.store.Finish(ctx, a.claim.Key, a.claim.Fence, response, a.window); err != nil {
		a.warn(ctx, "the response of a call is not kept: one that is made again with its idempotency key will run again", err)
	}
}

// release gives the claim of a call that has failed back.
func (a *attempt) release(ctx context.Context) {
	if err := a.giveBack(ctx); err != nil {
		a.warn(ctx, "a call that failed still holds its idempotency key: one that is made again will be refused until the lease is over", err)
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
