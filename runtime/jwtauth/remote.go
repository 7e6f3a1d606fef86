package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// remote is a source that fetches the keys of the issuer.
//
// There is one fetch at a time, in a separate goroutine: a caller that gives up does not end it.
// A caller waits for a fetch only if no key that it has verifies its token, and only for one that
// runs or may start; it never waits until the next one may start.
type remote struct {
	fetch fetchFunc
	timing
	log func() *slog.Logger

	state atomic.Pointer[state] // nil before the first fetch that succeeds
	epoch time.Time             // has a monotonic clock, which is never set back
	due   atomic.Int64          // when the next fetch may start on its own, in nanoseconds since epoch

	mu       sync.Mutex
	flight   *flight   // the fetch that runs, or nil
	askAgain time.Time // when a token may cause the next fetch
	fetched  int       // fetches that succeeded
	failed   int       // fetches that failed
	failures int       // consecutive ones
	lastErr  error     // of the last fetch; nil if it succeeded
}

// fetchFunc fetches the keys.
type fetchFunc func(ctx context.Context) (fetched, error)

func newRemote(fetch fetchFunc, t timing, log func() *slog.Logger) *remote {
	return &remote{fetch: fetch, timing: t, log: log, epoch: t.now()}
}

// timing says when keys are fetched.
type timing struct {
	minAge, maxAge time.Duration // bounds of the age at which keys are fetched again
	maxStale       time.Duration // the age from which on keys are not used
	coolDown       time.Duration // the time between two fetches that tokens cause
	timeout        time.Duration // of a fetch
	now            func() time.Time
}

// fetched is the result of a fetch.
type fetched struct {
	set     *keySet
	skipped []string
	maxAge  time.Duration // from Cache-Control; negative if it says nothing
}

// state holds the keys that are in use.
type state struct {
	set   *keySet
	until time.Time // they are not used from then on
}

// flight is a fetch that runs.
type flight struct {
	done    chan struct{}
	err     error // after done
	waiting int
}

// maxWaiting is the number of callers that wait for one fetch.
const maxWaiting = 1000

// Bounds of the time after which a fetch that failed is repeated. It doubles.
const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// limitError is the error of a call that no fetch serves.
type limitError struct {
	what    string
	wait    time.Duration // until a fetch may start
	failing bool          // whether the last one failed
	last    error
}

func (e *limitError) Error() string {
	if e.last != nil {
		return e.what + "; the last fetch failed: " + e.last.Error()
	}
	return e.what
}

// current implements source. The keys that it returns may be due: then it starts a fetch.
func (r *remote) current(now time.Time) *keySet {
	s := r.state.Load()
	if s == nil {
		return nil
	}
	r.start(now)
	if !now.Before(s.until) {
		return nil
	}
	return s.set
}

// start implements source.
func (r *remote) start(now time.Time) {
	if r.untilDue(now) > 0 || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.flight == nil && r.untilDue(now) <= 0 {
		r.startLocked()
	}
}

// untilDue returns how long it is until the next fetch may start on its own.
func (r *remote) untilDue(now time.Time) time.Duration {
	return time.Duration(r.due.Load()) - now.Sub(r.epoch)
}

// setDue sets when the next fetch may start on its own.
func (r *remote) setDue(at time.Time) { r.due.Store(int64(at.Sub(r.epoch))) }

// startLocked starts a fetch.
func (r *remote) startLocked() *flight {
	f := &flight{done: make(chan struct{})}
	r.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
		defer cancel()
		result, err := r.tryFetch(ctx)
		r.finish(f, result, err)
	}()
	return f
}

// tryFetch calls fetch; a panic, of the user's http.RoundTripper for example, is an error.
func (r *remote) tryFetch(ctx context.Context) (result fetched, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return r.fetch(ctx)
}

// finish ends a fetch. It logs after it has released the callers that wait.
func (r *remote) finish(f *flight, result fetched, err error) {
	var log func()
	r.mu.Lock()
	r.flight, f.err = nil, err
	if now := r.now(); err != nil {
		log = r.failLocked(now, err)
	} else {
		log = r.succeedLocked(now, result)
	}
	r.mu.Unlock()
	close(f.done)
	report.Log(log)
}

// succeedLocked puts keys into use, and ends the validity of tokens of those that are gone.
func (r *remote) succeedLocked(now time.Time, result fetched) (log func()) {
	recovered := r.failures > 0
	r.fetched++
	r.failures, r.lastErr = 0, nil
	age := result.maxAge
	if age < 0 {
		age = (r.minAge + r.maxAge) / 2
	}
	r.setDue(now.Add(early(min(max(age, r.minAge), r.maxAge))))
	var old *keySet
	if s := r.state.Load(); s != nil {
		old = s.set
	}
	set := result.set.after(old)
	r.state.Store(&state{set, now.Add(r.maxStale)})
	set.retire(old)
	return func() {
		switch {
		case set != old:
			r.log().Info("the issuer's keys are new", "keys", set.ids())
		case recovered:
			r.log().Info("the issuer's keys can be fetched again")
		}
		if set != old && len(result.skipped) > 0 {
			r.log().Warn("some keys of the issuer cannot be used", "keys", result.skipped)
		}
	}
}

// early returns a time before age, at random: replicas that start together do not fetch together.
func early(age time.Duration) time.Duration {
	return time.Duration(float64(age) * (0.75 + 0.2*rand.Float64()))
}

// failLocked schedules the fetch after one that failed. The same error is logged once.
func (r *remote) failLocked(now time.Time, err error) (log func()) {
	r.setDue(now.Add(min(minBackoff<<min(r.failures, 6), maxBackoff)))
	r.failures++
	r.failed++
	known := r.lastErr != nil && r.lastErr.Error() == err.Error()
	r.lastErr = err
	s := r.state.Load()
	return func() {
		switch {
		case known:
		case s == nil:
			r.log().Error("the issuer's keys cannot be fetched; no token can be verified", "error", err)
		default:
			r.log().Error("the issuer's keys cannot be fetched; those of the last time stay in use",
				"error", err, "until", s.until)
		}
	}
}

// newer implements source.
func (r *remote) newer(ctx context.Context, old *keySet, now time.Time) (*keySet, error) {
	for {
		set, f, own, err := r.join(old, now)
		if err != nil || f == nil {
			return set, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			r.leave(f)
			return old, fmt.Errorf("wait for the issuer's keys: %w", context.Cause(ctx))
		}
		if f.err != nil {
			return old, f.err
		}
		if own || old == nil {
			return r.state.Load().set, nil
		}
		// A fetch that ran already may have read the keys before the token's was added.
		if set := r.state.Load().set; set != old {
			return set, nil
		}
		now = r.now()
	}
}

// join returns keys that are newer than old, or a fetch to wait for, and whether it starts now.
func (r *remote) join(old *keySet, now time.Time) (set *keySet, f *flight, own bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.state.Load(); s != nil && s.set != old && now.Before(s.until) {
		return s.set, nil, false, nil
	}
	if f = r.flight; f == nil {
		if wait := r.waitLocked(old, now); wait > 0 {
			what := "no fetch of the issuer's keys for another " + wait.String()
			return old, nil, false, &limitError{what, wait, r.failures > 0, r.lastErr}
		}
		if old != nil {
			r.askAgain = now.Add(r.coolDown)
		}
		f, own = r.startLocked(), true
	}
	if f.waiting == maxWaiting {
		what := fmt.Sprintf("%d calls wait for the issuer's keys", maxWaiting)
		return old, nil, false, &limitError{what, minBackoff, r.failures > 0, r.lastErr}
	}
	f.waiting++
	return nil, f, own, nil
}

// waitLocked returns how long it is until a fetch for a token may start.
func (r *remote) waitLocked(old *keySet, now time.Time) time.Duration {
	var wait time.Duration
	if old != nil {
		wait = r.askAgain.Sub(now)
	}
	if r.failures > 0 {
		wait = max(wait, r.untilDue(now))
	}
	return wait
}

// leave ends the wait for a fetch.
func (r *remote) leave(f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.waiting--
}

// ready implements source.
func (r *remote) ready(ctx context.Context, now time.Time) error {
	if r.current(now) != nil {
		return nil
	}
	set, err := r.newer(ctx, nil, now)
	if set == nil && err == nil {
		err = errors.New("no keys")
	}
	return err
}
