package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// retryAfter is UNAVAILABLE with a RetryInfo detail.
func retryAfter(t *testing.T, delay time.Duration) error {
	t.Helper()
	st, err := status.New(codes.Unavailable, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestBackoff(t *testing.T) {
	const ms, second = time.Millisecond, time.Second
	down := status.Error(codes.Unavailable, "down")
	almostOne := func() float64 { return math.Nextafter(1, 0) }
	for name, test := range map[string]struct {
		backoff Backoff
		errs    []error // of the attempts; the last one repeats
		limit   time.Duration
		begun   []time.Duration
		want    error
	}{
		"success":             {Backoff{}, []error{nil}, 0, []time.Duration{0}, nil},
		"by default":          {Backoff{}, []error{down}, 0, []time.Duration{0, 100 * ms, 300 * ms}, down},
		"until it succeeds":   {Backoff{Attempts: 9}, []error{down, down, nil}, 0, []time.Duration{0, 100 * ms, 300 * ms}, nil},
		"waits are bounded":   {Backoff{Attempts: 6}, []error{down}, 0, []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 2500 * ms}, down},
		"settings":            {Backoff{Initial: second, Max: 4 * second, Multiplier: 3, Attempts: 4}, []error{down}, 0, []time.Duration{0, second, 4 * second, 8 * second}, down},
		"a long initial wait": {Backoff{Initial: 5 * second}, []error{down}, 0, []time.Duration{0, 5 * second, 10 * second}, down},
		"one attempt":         {Backoff{Attempts: 1}, []error{down}, 0, []time.Duration{0}, down},
		"another code":        {Backoff{}, []error{status.Error(codes.Aborted, "race")}, 0, []time.Duration{0}, status.Error(codes.Aborted, "race")},
		"a code of the caller's": {Backoff{Codes: []codes.Code{codes.Aborted}, Attempts: 9}, []error{status.Error(codes.Aborted, "race"), down}, 0,
			[]time.Duration{0, 100 * ms}, down},
		"no status":               {Backoff{}, []error{io.ErrUnexpectedEOF}, 0, []time.Duration{0}, io.ErrUnexpectedEOF},
		"a wrapped status":        {Backoff{Attempts: 2}, []error{fmt.Errorf("books: %w", down), nil}, 0, []time.Duration{0, 100 * ms}, nil},
		"what the server asks":    {Backoff{}, []error{retryAfter(t, second), nil}, 0, []time.Duration{0, 1100 * ms}, nil},
		"what is no wait":         {Backoff{}, []error{retryAfter(t, -1), nil}, 0, []time.Duration{0, 100 * ms}, nil},
		"as long as may be asked": {Backoff{Attempts: 2}, []error{retryAfter(t, time.Minute)}, 0, []time.Duration{0, time.Minute + 100*ms}, retryAfter(t, 0)},
		"longer":                  {Backoff{}, []error{retryAfter(t, time.Minute+1)}, 0, []time.Duration{0}, retryAfter(t, 0)},
		"no wait until the deadline": {Backoff{Attempts: -1}, []error{down}, 600 * ms,
			[]time.Duration{0, 100 * ms, 300 * ms}, down},
		"as often as the deadline lets": {Backoff{Attempts: -1, Max: 100 * ms}, []error{down}, 450 * ms,
			[]time.Duration{0, 100 * ms, 200 * ms, 300 * ms, 400 * ms}, down},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, begin := context.Background(), time.Now()
				if test.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.limit)
					defer cancel()
				}
				var begun []time.Duration
				test.backoff.random = almostOne
				err := test.backoff.Do(ctx, func(context.Context) error {
					begun = append(begun, time.Since(begin).Round(time.Microsecond))
					return test.errs[min(len(begun), len(test.errs))-1]
				})
				if fmt.Sprint(err) != fmt.Sprint(test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if !slices.Equal(begun, test.begun) {
					t.Errorf("attempts at %v, want %v", begun, test.begun)
				}
			})
		})
	}
}

// TestBackoffIsRandom checks that waits differ and stay within their bound.
func TestBackoffIsRandom(t *testing.T) {
	waits := make(map[time.Duration]bool)
	for range 100 {
		wait := Backoff{Initial: time.Second}.wait(1)
		if wait < 0 || wait >= time.Second {
			t.Errorf("a wait of %v", wait)
		}
		waits[wait] = true
	}
	if len(waits) < 50 {
		t.Errorf("only %d of 100 waits differ", len(waits))
	}
	if wait := (Backoff{Attempts: -1}).wait(5000); wait < 0 || wait > time.Second {
		t.Errorf("after many attempts a wait of %v", wait)
	}
}

func TestBackoffEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		begin := time.Now()
		time.AfterFunc(time.Second, cancel)
		busy := retryAfter(t, time.Minute)
		err := Backoff{}.Do(ctx, func(context.Context) error { return busy })
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if status.Code(err) != codes.Unavailable || len(status.Convert(err).Details()) != 1 || !errors.Is(err, context.Canceled) || !errors.Is(err, busy) {
			t.Errorf("got %v", err)
		}
	})
}

// TestBackoffHasNoHotLoop checks that settings that make no sense do not make waits that are none.
func TestBackoffHasNoHotLoop(t *testing.T) {
	for name, b := range map[string]Backoff{
		"no number":              {Multiplier: math.NaN()},
		"a negative multiplier":  {Multiplier: -3},
		"a shrinking multiplier": {Multiplier: 0.1},
		"infinity":               {Multiplier: math.Inf(1)},
		"minus infinity":         {Multiplier: math.Inf(-1)},
		"a negative beginning":   {Initial: -time.Second},
		"a negative end":         {Max: -time.Second},
		"all of it":              {Initial: math.MinInt64, Max: math.MinInt64, Multiplier: math.NaN(), Attempts: math.MinInt},
	} {
		b.random = func() float64 { return 0.5 }
		for _, attempts := range []int{1, 2, 50, math.MaxInt} {
			if wait := b.wait(attempts); wait < 50*time.Millisecond || wait > 500*time.Millisecond {
				t.Errorf("%s: a wait of %v after %d attempts", name, wait, attempts)
			}
		}
	}
}
