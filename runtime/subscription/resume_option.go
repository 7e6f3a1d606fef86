package subscription

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// ResumeOption configures [Method.Resume].
type ResumeOption func(*resumeOptions)

type resumeOptions struct {
	position   string
	onPosition func(string)
	onReplayed func()
	attempts   int
	backoff    client.Backoff
}

// WithPosition starts after a saved position, instead of that of the request. An empty position
// is no start: that of the request applies.
func WithPosition(position string) ResumeOption {
	return func(o *resumeOptions) { o.position = position }
}

// WithOnPosition calls save with each new position, to be saved for [WithPosition]. It is called
// after the loop's body has processed the event, so a saved position is never ahead of what was
// processed. If the body breaks out of the loop, the position of its event is not saved. Events
// that the server filters out move the position too.
func WithOnPosition(save func(position string)) ResumeOption {
	return func(o *resumeOptions) { o.onPosition = save }
}

// WithOnReplayed calls f on each connection when the loop's body has processed all events that
// existed when the server had sent them: all later events are new. It is not called with servers
// that send no marks.
func WithOnReplayed(f func()) ResumeOption { return func(o *resumeOptions) { o.onReplayed = f } }

// WithMaxAttempts ends the loop if n connections in a row end without progress: an event, or a
// position that is not the one that the connection started from. Without it, or if n is 0 or
// less, only the context ends the attempts.
func WithMaxAttempts(n int) ResumeOption { return func(o *resumeOptions) { o.attempts = n } }

// WithBackoff sets the waits between connections; by default they grow from 100 milliseconds to 5
// seconds. Codes lists codes after which to reconnect, in addition to those of [Method.Resume].
// Attempts is ignored: see [WithMaxAttempts].
func WithBackoff(b client.Backoff) ResumeOption { return func(o *resumeOptions) { o.backoff = b } }

func newResumeOptions(opts []ResumeOption) resumeOptions {
	o := resumeOptions{
		onPosition: func(string) {}, onReplayed: func() {},
		backoff: client.Backoff{Max: 5 * time.Second},
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
