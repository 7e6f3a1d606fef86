package idempotency

import (
	"context"
	"time"
)

// The pauses between two looks at a call that is still running.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// patience is until when a call waits for another one.
type patience struct {
	until  time.Time
	always bool // until the call's own deadline
}

// patience returns the patience of a call. That it is an attempt of many follows from the policy alone:
// metadata that says so comes from anybody.
func (a *attempt) patience() patience {
	return patience{until: time.Now().Add(a.wait), always: a.attempts}
}

// pause waits a while, or as long as there is patience; where there is none, it returns what the caller is told.
func (p patience) pause(ctx context.Context, d time.Duration) error {
	if !p.always {
		if d = min(d, time.Until(p.until)); d <= 0 {
			return errInProgress()
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
