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

// maxRetryAfter is the longest wait that [Backoff] accepts from a server. Longer ones, such as a
// daily quota, are returned to the caller.
const maxRetryAfter = time.Minute

// Backoff retries a function until it succeeds, with random waits that grow. Use it for what
// grpc's own retries do not cover: a transaction of several calls, a stream that is started again,
// or a method without retries in its policy. The zero Backoff is ready to use.
//
//	err := client.Backoff{Attempts: 5}.Do(ctx, func(ctx context.Context) error {
//		_, err := books.GetBook(ctx, req)
//		return err
//	})
//
// The function must be safe to repeat: see the method's idempotency. Do not wrap a method whose
// policy has retries, or attempts multiply.
type Backoff struct {
	// Initial is the maximum wait before the second attempt; 100 ms if it is 0 or less.
	Initial time.Duration
	// Max is the maximum wait before any attempt. If it is 0 or less, it is one second, or
	// Initial if that is longer.
	Max time.Duration
	// Multiplier is the factor by which the maximum wait grows; 2 if it is below 1 or NaN.
	Multiplier float64
	// Attempts is the maximum number of calls; 0 means 3, and a negative number means no limit
	// but the context. There is a wait between attempts whatever the other fields are set to.
	Attempts int
	// Codes are the codes that are retried. If it is empty, only UNAVAILABLE is, which is safe to
	// retry anywhere (AIP-194).
	Codes []codes.Code

	random func() float64 // in [0, 1); for tests
}

// Do calls f until it returns nil, it returns an error that is not retried, or the last attempt
// fails. It returns the result of the last attempt.
//
// A wait is a random part of the maximum, so that clients that failed together do not retry
// together. A delay that the server requests is added (see [rpcerr.RetryAfter]); if it exceeds a
// minute, Do returns.
//
// If ctx ends during a wait, the error has the code and the details of the last attempt and also
// matches the context's error. Do does not start a wait that would last until the deadline of ctx
// or longer.
func (b Backoff) Do(ctx context.Context, f func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil || !b.again(err, attempt) {
			return err
		}
		if err := b.Wait(ctx, err, attempt); err != nil {
			return err
		}
	}
}

// Wait waits as [Backoff.Do] does after a number of attempts in a row, the last of which failed
// with err. It is for loops that decide themselves whether to try again, and that start to count
// anew after progress. It returns nil when the next attempt is due, and otherwise what Do returns.
func (b Backoff) Wait(ctx context.Context, err error, attempts int) error {
	asked, _ := rpcerr.RetryAfter(err)
	wait := asked + b.wait(attempts)
	if deadline, ok := ctx.Deadline(); asked > maxRetryAfter || ok && time.Until(deadline) <= wait {
		return err
	}
	if ended := sleep(ctx, wait); ended != nil {
		return fmt.Errorf("%w (no more attempts: %w)", err, ended)
	}
	return nil
}

// again reports whether another attempt follows one that failed with err.
func (b Backoff) again(err error, attempt int) bool {
	if attempts := cmp.Or(b.Attempts, 3); attempts > 0 && attempt >= attempts {
		return false
	}
	code := status.Code(err)
	return len(b.Codes) == 0 && code == codes.Unavailable || slices.Contains(b.Codes, code)
}

// wait returns a random wait after the given number of attempts.
func (b Backoff) wait(attempts int) time.Duration {
	initial := cmp.Or(max(0, b.Initial), 100*time.Millisecond)
	longest := float64(cmp.Or(max(0, b.Max), max(time.Second, initial)))
	multiplier := b.Multiplier
	if !(multiplier >= 1) { // or NaN
		multiplier = 2
	}
	random := b.random
	if random == nil {
		random = rand.Float64
	}
	grown := float64(initial) * math.Pow(multiplier, float64(attempts-1))
	return time.Duration(random() * min(grown, longest))
}

// sleep waits for the given time. It returns the error of ctx if ctx ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() // if both are ready, select picks either
}
