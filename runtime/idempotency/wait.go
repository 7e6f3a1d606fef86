package idempotency

import (
	"context"
	"time"
)

// The pauses between two checks of a call that is still running.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// patience is how long a call waits for another one.
type patience struct {
	until  time.Time
	always bool // until the call's own deadline
}

// patience returns the patience of a call. Only the policy decides whether the call may be one of
// several attempts: any caller can send metadata that claims so.
func (a *attempt) patience() patience {
	return patience{until: time.Now().Add(a.wait), always: a.attempts}
}

// pause waits, for at most as long as the patience lasts. If it is exhausted, pause returns the
// error for the caller.
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
