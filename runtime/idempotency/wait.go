package idempotency

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"
)

// The pauses between two looks at a call that is still running.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// previousAttempts is the metadata key by which a client says that it has made attempts for the same call (gRFC A6).
const previousAttempts = "grpc-previous-rpc-attempts"

// patience is until when a call waits for another one.
type patience struct {
	until  time.Time
	always bool // until the call's own deadline
}

func (a *attempt) patience(ctx context.Context) patience {
	return patience{
		until:  time.Now().Add(a.wait),
		always: a.hedged || len(metadata.ValueFromIncomingContext(ctx, previousAttempts)) > 0,
	}
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
