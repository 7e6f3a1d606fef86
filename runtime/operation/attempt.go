package operation

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// handler runs one attempt at an operation of its method.
type handler func(ctx context.Context, a *attempt) ending

// ending is the result of an attempt's work.
type ending struct {
	response []byte // an encoded Any, where err is nil
	metadata []byte // nil leaves what was saved
	err      error
	again    *tryAgain // in err; nil for none
	panicked bool
}

// attempt is one attempt at an operation, from its claim until it is done or released.
type attempt struct {
	store  Store
	config *config
	work   handler
	op     *Record // as it was claimed
	counts *counts
	log    *slog.Logger
	start  time.Time
	ctx    context.Context // of the work
	cancel context.CancelCauseFunc
	held   context.Context // ends when the lease is lost
	lose   context.CancelFunc
	over   context.CancelFunc // ends all of it

	traceEnd func(error)   // nil without a trace
	err      error         // that the attempt failed with, once it is settled
	again    time.Duration // until the operation is due again; 0 if it was not released for later

	lease *time.Timer // until the lease is lost, for all that this process knows

	mu        sync.Mutex
	cancelled bool
	stopping  bool
}

// begin starts the clocks of the attempt, which was claimed with a request sent at the given time.
// Its contexts have the values of base.
func (a *attempt) begin(base context.Context, sent time.Time) {
	op := a.op
	a.start, a.cancelled = time.Now(), !op.CancelTime.IsZero()
	a.log = a.config.logger.With(slog.String(logMethod, strings.TrimPrefix(op.Method, "/")),
		slog.String(logOperation, op.Name), slog.Int(logAttempt, op.Attempt))
	base = a.trace(base)
	a.held, a.lose = context.WithCancel(context.WithoutCancel(base))
	a.over = func() {}
	if op.Timeout > 0 {
		// Both times come from the store's clock; UpdateTime is that of the claim.
		remaining := op.StartTime.Add(op.Timeout).Sub(op.UpdateTime)
		base, a.over = context.WithDeadlineCause(base, sent.Add(remaining), errTimedOut)
	}
	a.ctx, a.cancel = context.WithCancelCause(base)
	a.lease = time.AfterFunc(time.Until(sent.Add(op.Lease)), a.loseLease)
}

// asked reports what was requested of the work.
func (a *attempt) asked() (cancelled, stopping bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cancelled, a.stopping
}

// cancelWork notifies the work that the operation is cancelled.
func (a *attempt) cancelWork() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancelled = true
	a.cancel(ErrCancelled)
}

// stopWork notifies the work that the process is stopping.
func (a *attempt) stopWork() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopping = true
	a.cancel(ErrStopping)
}

// loseLease notifies the work that another worker has the operation.
func (a *attempt) loseLease() {
	a.lose()
	a.cancel(ErrLeaseLost)
}

// keep holds the lease until the work has ended.
func (a *attempt) keep(done <-chan ending) ending {
	renewal := time.NewTimer(a.op.Lease / 3)
	defer renewal.Stop()
	news := a.watch()
	for {
		hinted := false
		select {
		case e := <-done:
			return e
		case <-news:
			hinted, news = true, nil
		case <-renewal.C:
		}
		if a.held.Err() != nil {
			news = nil
			continue // for the work to notice
		}
		renewal.Reset(a.renew())
		switch cancelled, _ := a.asked(); {
		case cancelled:
			news = nil
		case news == nil && !hinted: // after a hint for nothing there is no other before the next renewal
			news = a.watch()
		}
	}
}

// watch returns a channel that is closed if the operation may have been cancelled, or nil if the
// store does not support it.
func (a *attempt) watch() <-chan struct{} {
	news, err := a.store.Watch(a.held, a.op)
	if err != nil {
		return nil // the next renewal reports it, too
	}
	return news
}

// renew renews the lease, and returns the time until the next renewal. A single failure loses
// nothing: the lease is lost if no renewal succeeds for its duration, counted from when the last
// successful one was sent.
func (a *attempt) renew() time.Duration {
	sent := time.Now()
	ctx, cancel := context.WithTimeout(a.held, a.op.Lease/3)
	defer cancel()
	cancelled, err := a.store.Renew(ctx, a.op.Name, a.op.Fence)
	switch {
	case errors.Is(err, ErrLeaseLost):
		a.loseLease()
		return a.op.Lease
	case err != nil:
		a.log.LogAttrs(ctx, slog.LevelWarn, "lease not renewed", slog.Any("error", err))
		return a.op.Lease / 10
	}
	a.lease.Reset(time.Until(sent.Add(a.op.Lease)))
	if cancelled {
		a.cancelWork()
	}
	return time.Until(sent.Add(a.op.Lease / 3))
}

// persist calls f until it succeeds, the store rejects it, or the lease is lost. If until ends, it
// calls f once more, and the error is the cause of until. f gets only the values of ctx.
func (a *attempt) persist(ctx, until context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(a.held, cancel)()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := a.write(ctx, f)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrLeaseLost):
			a.loseLease()
			return ErrLeaseLost
		case errors.Is(err, ErrFull), errors.Is(err, ErrSuperseded):
			return err // which another try would not change
		}
		if ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "operation not saved; retrying", slog.Any("error", err))
		}
		select {
		case <-time.After(pause):
		case <-until.Done():
		}
		switch {
		case a.held.Err() != nil:
			return ErrLeaseLost
		case until.Err() != nil:
			return context.Cause(until)
		}
	}
}

func (a *attempt) write(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	return f(ctx)
}
