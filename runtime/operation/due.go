package operation

import (
	"context"
	"math/rand/v2"
	"time"
)

// Notifier is a [Store] that reports operations that other processes start or release, so that
// a manager polls it less often: every five seconds, unless [WithPollInterval] is set.
type Notifier interface {
	Store
	// Due returns a channel that is closed when operations may have become due since the call. It
	// is a hint: the channel may be closed without one, and late or never. It costs no query.
	Due() <-chan struct{}
}

// pollOfNotifier is the default interval at which a manager polls a [Notifier].
const pollOfNotifier = 5 * time.Second

// Pauses after hints that brought no operation: with many processes, all receive a hint, and one gets
// the operation.
const (
	firstQuiet   = 10 * time.Millisecond
	longestQuiet = time.Second
)

// waker waits until there may be something to claim.
type waker struct {
	m      *Manager
	due    <-chan struct{} // from before the last claim; nil without hints
	hinted bool            // whether a hint led to the last claim
	quiet  time.Duration   // for which hints do not count
}

// before takes note of hints that come from now on.
func (w *waker) before() {
	if notifier, ok := w.m.store.Store.(Notifier); ok {
		w.due = notifier.Due()
	}
}

// after takes note of how many operations were claimed.
func (w *waker) after(claimed int) {
	switch {
	case claimed > 0:
		w.quiet = 0
	case w.hinted:
		w.quiet = min(max(firstQuiet, 2*w.quiet), longestQuiet)
	}
	w.hinted = false
}

// rest waits until there may be something to claim.
func (w *waker) rest(ctx context.Context) {
	poll := time.NewTimer(jitter(w.m.config.poll))
	defer poll.Stop()
	due := w.due
	if w.quiet > 0 {
		due = nil
	}
	quiet := time.NewTimer(rand.N(w.quiet + 1))
	defer quiet.Stop()
	for {
		select {
		case <-w.m.wake:
		case <-poll.C:
		case <-ctx.Done():
		case <-due:
			w.hinted = true
		case <-quiet.C:
			due = w.due
			continue
		}
		return
	}
}
