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

// WaitOption says how [Handle.Wait] and [Handle.Progress] look at an operation.
type WaitOption func(*watcher)

// Every sets the longest time between two looks at the operation. The default is 30 seconds for Wait and one for Progress; what is
// below a millisecond is a millisecond. Where the server has WaitOperation, the end is known at once all the same.
func WithInterval(interval time.Duration) WaitOption {
	return func(w *watcher) { w.interval = max(interval, time.Millisecond) }
}

// Tolerate sets how many calls in a row may fail because the server cannot be reached; the next one's error is returned. The
// default is 10, which is about half a minute.
func WithTolerance(failures int) WaitOption {
	return func(w *watcher) { w.tolerated = max(failures, 0) }
}

// PollOnly never makes the server wait: it calls GetOperation again and again, as it does for servers whose WaitOperation is of no
// use. The end is known up to ten seconds late, or [Every].
func WithPollOnly() WaitOption {
	return func(w *watcher) { w.polls = true }
}

// Waits between looks at a server that has no WaitOperation or answers it at once, and between calls that fail.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	// longestAsked is the longest wait that a server may ask for before the next call.
	longestAsked = time.Minute
)

// watcher looks at one operation again and again.
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

// mostCuts is how often calls that wait may be cut off by a server or a proxy that others reach.
const mostCuts = 2

// newWatcher returns a watcher with the defaults for an interval, changed by opts.
func newWatcher(client Client, name string, interval time.Duration, opts []WaitOption) *watcher {
	w := &watcher{client: client, name: name, interval: interval, tolerated: 10}
	for _, opt := range opts {
		opt(w)
	}
	w.pause = min(firstPause, w.interval)
	return w
}

// next returns the operation when it is done, or as it is after some time, which is the interval at most unless calls fail.
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

// look makes the server wait, or where it cannot, waits before it asks.
func (w *watcher) look(ctx context.Context) (*longrunningpb.Operation, error) {
	cut := w.failures >= 2 // who cuts off calls that wait may let those pass that do not
	switch {
	case w.atOnce:
		w.atOnce = false
		return w.client.Get(ctx, w.name)
	case !w.polls && !cut:
		op, err := w.wait(ctx)
		if !w.useless(op, err) || ended(ctx, w.name) != nil {
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
	if cut && !w.polls && err == nil {
		w.cuts++
		w.polls = w.cuts >= mostCuts
	}
	return op, err
}

// useless reports whether a server does not do what WaitOperation is for: it does not have it, says that the operation is done
// without how, or fails in a way that does not go away by itself.
func (w *watcher) useless(op *longrunningpb.Operation, err error) bool {
	if err == nil {
		return op.GetDone() && withoutResult(op)
	}
	_, told := rpcerr.RetryAfter(err)
	return !passing(err, told) && status.Code(err) != codes.ResourceExhausted
}

// withoutResult reports whether an operation has neither an error nor a response. An Any of no type is none.
func withoutResult(op *longrunningpb.Operation) bool {
	return op.GetError() == nil && op.GetResponse().GetTypeUrl() == ""
}

// wait makes the server wait. After an answer that came at once, as a server may give one that has too many to wait for, it rests.
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

// rest waits a random part of a pause that grows.
func (w *watcher) rest(ctx context.Context) error {
	pause := w.pause
	w.pause = min(pause+pause/2, w.interval, longestPause)
	return sleep(ctx, w.name, scatter(pause))
}

// bear waits after a call that failed, if it may have succeeded with more luck, or returns its error.
func (w *watcher) bear(ctx context.Context, err error) error {
	if ended := ended(ctx, w.name); ended != nil {
		return ended
	}
	asked, told := rpcerr.RetryAfter(err)
	if w.failures++; w.failures > w.tolerated || !passing(err, told) || asked > longestAsked {
		return err
	}
	pause := min(firstPause<<min(w.failures-1, 10), longestPause)
	return sleep(ctx, w.name, asked+scatter(pause))
}

// passing says whether a failure of a call is one that goes away by itself: the server could not be reached, did not answer in
// time, or says when to come back.
func passing(err error, told bool) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		return told
	default:
		return false
	}
}

// scatter returns between a half and all of a time, so that those who began together do not go on together.
func scatter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// sleep waits, or returns that ctx has ended before.
func sleep(ctx context.Context, name string, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ended(ctx, name)
}

// ended returns an error if ctx has ended: a status, as of a call, that is the context's error too.
func ended(ctx context.Context, name string) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s is not done: %w (%w)", name, err, status.FromContextError(err).Err())
}
