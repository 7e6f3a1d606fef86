package idempotency

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// runRenewed runs the method, and renews the lease of its claim until it returns. The context of
// the method ends, with the cause [ErrLost], if another call has the key.
func (s *saving) runRenewed(
	ctx context.Context, run func(context.Context) (proto.Message, error),
) (proto.Message, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := s.renew(ctx, cancel)
	defer r.stop()
	resp, err := run(context.WithValue(ctx, savingKey{}, s))
	if err != nil && errors.Is(context.Cause(ctx), ErrLost) {
		return nil, errInProgress().WithCause(errors.Join(ErrLost, err))
	}
	return resp, err
}

// renewal renews the lease of a claim. A method that returns within a third of the lease costs a
// timer, and only others have a goroutine.
type renewal struct {
	*saving
	ctx   context.Context // of the call
	lose  context.CancelCauseFunc
	until time.Time // the last renewal
	first *time.Timer
	end   func()
	over  <-chan struct{} // closed when the method has returned
	ended chan struct{}   // closed when nothing is renewed any more
}

// renew starts to renew the lease of s, until stop.
func (s *saving) renew(ctx context.Context, lose context.CancelCauseFunc) *renewal {
	over := make(chan struct{})
	r := &renewal{
		saving: s, ctx: ctx, lose: lose, until: time.Now().Add(longestRun),
		end: sync.OnceFunc(func() { close(over) }), over: over, ended: make(chan struct{}),
	}
	r.first = time.AfterFunc(s.claim.Lease/3, r.run)
	return r
}

// stop ends the renewals. It waits for one that is in progress, at most as long as that may take:
// the store must not execute it after the claim was released.
func (r *renewal) stop() {
	if r.first.Stop() {
		return
	}
	r.end()
	<-r.ended
}

// run renews the lease until the method returns or the claim is lost.
func (r *renewal) run() {
	defer close(r.ended)
	defer func() {
		if value := recover(); value != nil { // of the store
			_ = runtime.Recovered(r.ctx, value)
		}
	}()
	for pause := time.Duration(0); ; {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.over:
			timer.Stop()
			return
		}
		if r.saved.Load() { // and nothing is left to renew
			return
		}
		if time.Now().After(r.until) {
			r.warn(r.ctx, "a retry of a running call may run", errTooLong)
			return
		}
		switch err := r.once(); {
		case err == nil:
			pause = r.claim.Lease / 3
		case errors.Is(err, ErrLost):
			if !r.saved.Load() { // while the renewal was in progress
				r.lose(ErrLost)
			}
			return
		default:
			r.warn(r.ctx, "the lease of a running call was not renewed", err)
			pause = r.claim.Lease / 10
		}
	}
}

// errTooLong is why the lease of a running call is not renewed.
var errTooLong = errors.New("the call has run for 24 hours; its claim is no longer renewed")

// once renews the lease once. A store that has forgotten the claim, as after a failover, gets it
// again, unless another call has the key.
func (r *renewal) once() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), min(r.claim.Lease/3, afterwards))
	defer cancel()
	err := r.store.Renew(ctx, r.claim.Key, r.claim.Fence, r.claim.Lease)
	if !errors.Is(err, ErrLost) || r.saved.Load() {
		return err
	}
	entry, err := r.store.Begin(ctx, r.claim)
	if err == nil && entry.Fence != r.claim.Fence {
		return ErrLost
	}
	return err
}
