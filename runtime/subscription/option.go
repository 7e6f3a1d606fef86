package subscription

import (
	"fmt"
	"time"
)

// Option configures [Method.Serve].
type Option func(*options)

type options struct {
	filters   []any // of type func(*Resp) bool
	heartbeat time.Duration
	maxLines  int
	earliest  bool
}

// WithFilter sends only events for which keep returns true, such as those that the caller may
// see. keep must not modify the event, which all subscribers share. It is called again when a
// client resumes.
func WithFilter[Resp any](keep func(event *Resp) bool) Option {
	return func(o *options) { o.filters = append(o.filters, keep) }
}

// WithHeartbeat sets the interval of heartbeats, instead of that of the policy. A client that
// requests marks receives one when nothing else was sent for that long. 0 or less disables
// heartbeats.
func WithHeartbeat(interval time.Duration) Option {
	return func(o *options) { o.heartbeat = interval }
}

// WithMaxLines sets the maximum number of events before the head that a request may ask for,
// instead of that of the policy.
func WithMaxLines(n int) Option { return func(o *options) { o.maxLines = n } }

// FromEarliest starts a request that names no start with the earliest event of the log, instead
// of the next one.
func FromEarliest() Option { return func(o *options) { o.earliest = true } }

// filtersOf returns the filters of options for events of type Resp.
func filtersOf[Resp any](o *options) ([]func(*Resp) bool, error) {
	filters := make([]func(*Resp) bool, len(o.filters))
	for i, f := range o.filters {
		filter, ok := f.(func(*Resp) bool)
		if !ok {
			return nil, fmt.Errorf("WithFilter got %T, and the method sends %T", f, (*Resp)(nil))
		}
		filters[i] = filter
	}
	return filters, nil
}
