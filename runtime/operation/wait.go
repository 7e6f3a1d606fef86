package operation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WaitOption configures [Handle.Wait] and [Handle.Progress].
type WaitOption func(*watcher)

// WithInterval sets the maximum time between two looks at the operation; the minimum is a
// millisecond. The default is 30 seconds for Wait and one second for Progress. If the server has
// WaitOperation, the end is noticed at once nevertheless.
func WithInterval(interval time.Duration) WaitOption {
	return func(w *watcher) { w.interval = max(interval, time.Millisecond) }
}

// WithTolerance sets how many consecutive calls may fail because the server is unreachable; the
// error of the next one is returned. The default is 10, about half a minute.
func WithTolerance(failures int) WaitOption {
	return func(w *watcher) { w.tolerated = max(failures, 0) }
}

// WithPollOnly polls GetOperation and never uses WaitOperation. The end is noticed up to ten
// seconds late, or up to [WithInterval].
func WithPollOnly() WaitOption {
	return func(w *watcher) { w.polls = true }
}

// Waits between polls of a server whose WaitOperation does not work, and between calls that fail.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	// longestAsked is the maximum delay that a server can request before the next call.
	longestAsked = time.Minute
)

// watcher follows one operation.
type watcher struct {
	client    Client
	name      string
	interval  time.Duration
	tolerated int

	atOnce   bool          // the next look is without a wait
	polls    bool          // the server has no WaitOperation that is of use
	cuts     int           // how often calls that wait were cut off, and others were not
	pause    time.Duration // before the next look, where the server does not wait
	failures int           // in a row
}

// mostCuts is how often a server or proxy may cut off waiting calls while other calls succeed.
const mostCuts = 2

// newWatcher returns a watcher with the defaults for an interval, modified by opts.
func newWatcher(client Client, name string, interval time.Duration, opts []WaitOption) *watcher {
	w := &watcher{client: client, name: name, interval: interval, tolerated: 10}
	for _, opt := range opts {
		opt(w)
	}
	w.pause = min(firstPause, w.interval)
	return w
}

// next returns the operation when it is done, or its state after at most the interval, longer if
// calls fail.
func (w *watcher) next(ctx context.Context) (*longrunningpb.Operation, error) {
	for {
		op, err := w.look(ctx)
		if err == nil {
			w.failures = 0
			return op, nil
		}
		if err := w.bear(ctx, err); err != nil {
			return nil, err
		}
	}
}

// look makes the server wait or, if it cannot, waits and polls.
func (w *watcher) look(ctx context.Context) (*longrunningpb.Operation, error) {
	cutOff := w.failures >= 2 // a proxy that cuts off waiting calls may let others pass
	switch {
	case w.atOnce:
		w.atOnce = false
		return w.client.Get(ctx, w.name)
	case !w.polls && !cutOff:
		op, err := w.wait(ctx)
		if !w.useless(op, err) || contextError(ctx, w.name) != nil {
			return op, err
		}
		w.polls = true
		if status.Code(err) != codes.Unimplemented { // the answer, or the error, may be wrong
			return w.client.Get(ctx, w.name)
		}
	}
	if err := w.rest(ctx); err != nil {
		return nil, err
	}
	op, err := w.client.Get(ctx, w.name)
	if cutOff && !w.polls && err == nil {
		w.cuts++
		w.polls = w.cuts >= mostCuts
	}
	return op, err
}

// useless reports whether WaitOperation does not work: the server does not implement it, returns
// a done operation without a result, or fails permanently.
func (w *watcher) useless(op *longrunningpb.Operation, err error) bool {
	if err == nil {
		return op.GetDone() && withoutResult(op)
	}
	_, advised := rpcerr.RetryAfter(err)
	return !passing(err, advised) && status.Code(err) != codes.ResourceExhausted
}

// withoutResult reports whether an operation has neither an error nor a response. An Any without
// a type counts as none.
func withoutResult(op *longrunningpb.Operation) bool {
	return op.GetError() == nil && op.GetResponse().GetTypeUrl() == ""
}

// wait makes the server wait. If the server responds at once, as it may if too many calls wait,
// wait rests.
func (w *watcher) wait(ctx context.Context) (*longrunningpb.Operation, error) {
	asked := time.Now()
	op, err := w.client.Wait(ctx, w.name, w.interval)
	switch early := time.Since(asked) < w.interval/2; {
	case err != nil || op.GetDone():
		return op, err
	case early:
		return op, w.rest(ctx)
	default:
		w.pause = min(firstPause, w.interval)
		return op, nil
	}
}

// rest waits a random part of a growing pause.
func (w *watcher) rest(ctx context.Context) error {
	pause := w.pause
	w.pause = min(pause+pause/2, w.interval, longestPause)
	return sleep(ctx, w.name, scatter(pause))
}

// bear waits after a call that failed if a retry may succeed, or else returns its error.
func (w *watcher) bear(ctx context.Context, err error) error {
	if ended := contextError(ctx, w.name); ended != nil {
		return ended
	}
	asked, advised := rpcerr.RetryAfter(err)
	if w.failures++; w.failures > w.tolerated || !passing(err, advised) || asked > longestAsked {
		return err
	}
	pause := min(firstPause<<min(w.failures-1, 10), longestPause)
	return sleep(ctx, w.name, asked+scatter(pause))
}

// passing reports whether a failure is temporary: the server was unreachable, did not respond in
// time, or says when to retry.
func passing(err error, advised bool) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		return advised
	default:
		return false
	}
}

// scatter returns between half and all of a duration, so that clients that started together do
// not stay in step.
func scatter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// sleep waits, or returns an error if ctx ends first.
func sleep(ctx context.Context, name string, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return contextError(ctx, name)
}

// contextError returns an error if ctx has ended: a status that also is the context's error.
func contextError(ctx context.Context, name string) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not done: %w (%w)", name, err, status.FromContextError(err).Err())
}
