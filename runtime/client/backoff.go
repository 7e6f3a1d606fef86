package client

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxRetryAfter is the longest wait that [Backoff] lets a server ask for: a quota of the day is for the caller to know.
const maxRetryAfter = time.Minute

// Backoff calls a function again until it succeeds, with random waits that grow: for what grpc's own retries do not cover,
// such as a transaction of several calls, a stream that is opened again, or a method without retries in its policy. The zero
// Backoff is ready to use.
//
//	err := client.Backoff{Attempts: 5}.Do(ctx, func(ctx context.Context) error {
//		_, err := books.GetBook(ctx, req)
//		return err
//	})
//
// What is called again must bear it: see the method's idempotency. Do not wrap a method whose policy has retries, or attempts
// multiply.
type Backoff struct {
	// Initial is the longest wait before the second attempt; 0 and below are 100 ms.
	Initial time.Duration
	// Max is the longest wait before any attempt; 0 and below are one second, or Initial where that is more.
	Max time.Duration
	// Multiplier is how much longer each wait may be than the one before; what is below 1 or no number is 2.
	Multiplier float64
	// Attempts is how many calls are made in all; 0 is 3, and below 0 there is no limit but the context. There are waits
	// between them all the same, whatever the other fields are set to.
	Attempts int
	// Codes are the codes after which another attempt is made; none is UNAVAILABLE, the one that is safe to retry anywhere
	// (AIP-194).
	Codes []codes.Code

	random func() float64 // at least 0 and below 1; for tests
}

// Do calls f until it returns nil, an error that is not to be retried, or the last attempt has failed, and returns what the
// last attempt did.
//
// A wait is a random part of the longest one, so that clients that failed together do not come back together. What the
// server asks for comes on top (see [rpcerr.RetryAfter]); where that is more than a minute, there are no more attempts.
//
// When ctx ends during a wait, the error has the code and the details of the last attempt, and matches the context's error
// too. A wait that would last until the deadline of ctx or longer is not begun.
func (b Backoff) Do(ctx context.Context, f func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil || !b.again(err, attempt) {
			return err
		}
		asked, _ := rpcerr.RetryAfter(err)
		wait := asked + b.wait(attempt)
		if deadline, ok := ctx.Deadline(); asked > maxRetryAfter || ok && time.Until(deadline) <= wait {
			return err
		}
		if ended := sleep(ctx, wait); ended != nil {
			return fmt.Errorf("%w (no more attempts: %w)", err, ended)
		}
	}
}

// again says whether there is another attempt after one that failed with err.
func (b Backoff) again(err error, attempt int) bool {
	if attempts := cmp.Or(b.Attempts, 3); attempts > 0 && attempt >= attempts {
		return false
	}
	code := status.Code(err)
	return len(b.Codes) == 0 && code == codes.Unavailable || slices.Contains(b.Codes, code)
}

// wait returns a random wait after so many attempts.
func (b Backoff) wait(attempts int) time.Duration {
	initial := cmp.Or(max(0, b.Initial), 100*time.Millisecond)
	longest := float64(cmp.Or(max(0, b.Max), max(time.Second, initial)))
	multiplier := b.Multiplier
	if !(multiplier >= 1) { // NaN neither
		multiplier = 2
	}
	random := b.random
	if random == nil {
		random = rand.Float64
	}
	grown := float64(initial) * math.Pow(multiplier, float64(attempts-1))
	return time.Duration(random() * min(grown, longest))
}

// sleep waits, or returns why ctx ended before.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() // of two that are ready, select takes any
}
