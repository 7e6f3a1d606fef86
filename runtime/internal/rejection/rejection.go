// Package rejection returns the errors of temporarily rejected calls. It creates each error once,
// so that rejecting a call costs less than serving it.
package rejection

import (
	"context"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Errors are the errors of calls that may be retried later: one for each delay, rounded up to a
// power of two milliseconds. The longest is 2^30 ms, twelve days, because clients read the trailer
// as an int32.
type Errors struct {
	// Make returns the error of a call that may be retried after wait.
	Make func(wait time.Duration) error
	made [31]atomic.Pointer[rejection]
}

// rejection is an error, and the trailer that makes grpc's own retries wait as long (gRFC A6,
// pushback).
type rejection struct {
	err     error
	trailer metadata.MD
}

// After returns the error of a call that may be retried after wait, and sets its trailer.
func (r *Errors) After(ctx context.Context, wait time.Duration) error {
	steps := max(0, math.Ceil(math.Log2(float64(wait)/float64(time.Millisecond))))
	made := r.of(min(int(steps), len(r.made)-1))
	if stream := grpc.ServerTransportStreamFromContext(ctx); stream != nil {
		_ = stream.SetTrailer(made.trailer) // see requestid.ID.Echo
	}
	return made.err
}

func (r *Errors) of(steps int) *rejection {
	if made := r.made[steps].Load(); made != nil {
		return made
	}
	wait := time.Millisecond << steps
	made := &rejection{err: r.Make(wait), trailer: metadata.MD{pushbackHeader: {strconv.FormatInt(wait.Milliseconds(), 10)}}}
	r.made[steps].Store(made)
	return made
}

// pushbackHeader is the trailer that sets the retry delay of a client.
const pushbackHeader = "grpc-retry-pushback-ms"
