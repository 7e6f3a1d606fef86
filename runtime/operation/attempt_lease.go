package operation

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

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
	news, err := a.m.store.Watch(a.held, a.op)
	if err != nil {
		return nil // the next renewal tells, too
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
	cancelled, err := a.m.store.Renew(ctx, a.op.Name, a.op.Fence)
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

// persist calls f until it succeeds, the store is full, or the lease is lost. If until ends, it
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
		case errors.Is(err, ErrFull):
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
