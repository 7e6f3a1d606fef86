package echotest

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	// callLimit is how long the calls of a test may take.
	callLimit = 20 * time.Second
	// waitLimit is how long a test waits. The calls have ended then, and so has a shutdown whose
	// methods do not return: its error names them after 23 seconds.
	waitLimit = 30 * time.Second
	// lateLimit is how long a test waits that has waited in vain.
	lateLimit = 100 * time.Millisecond
)

// Within receives from ch, or fails the test after a timeout.
func Within[T any](t *testing.T, ch <-chan T) (got T) {
	t.Helper()
	if isLate(t) {
		return within(t, ch, lateLimit)
	}
	return within(t, ch, waitLimit)
}

func within[T any](t *testing.T, ch <-chan T, limit time.Duration) (got T) {
	t.Helper()
	select {
	case got = <-ch:
	case <-time.After(limit):
		if limit == waitLimit {
			t.Errorf("nothing came within %v; the goroutines of tests are\n\n%s", limit, stacks())
		} else {
			t.Errorf("nothing came within %v either", limit)
		}
		setLate(t)
	}
	return got
}

// Returns calls f in a goroutine, and fails the test if f does not return before a timeout.
func Returns(t *testing.T, f func()) {
	t.Helper()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	within(t, returned, waitLimit)
}

// Await returns nil once ch is closed or sends, or the error of ctx if it ends before. A method
// that waits for its test must not outlive its call: it would hold the shutdown of its server if
// the test fails.
func Await(ctx context.Context, ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Context cancels the test's calls if the code under test does not.
func Context(t *testing.T) context.Context {
	t.Helper()
	watch(t)
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	t.Cleanup(cancel)
	return ctx
}

// NoDeadline is Context for calls without a deadline. They end with CANCELED.
func NoDeadline(t *testing.T) context.Context {
	t.Helper()
	watch(t)
	ctx, cancel := context.WithCancel(context.Background())
	timer := time.AfterFunc(callLimit, cancel)
	t.Cleanup(func() {
		timer.Stop()
		cancel()
	})
	return ctx
}

// stacks returns the stacks of goroutines that run code of tests, except for tests that wait for
// others.
func stacks() string {
	const most = 64 << 10
	all := make([]byte, 8<<20)
	var of strings.Builder
	for stack := range bytes.SplitSeq(all[:runtime.Stack(all, true)], []byte("\n\n")) {
		text := string(stack)
		waits := strings.Contains(text, "testing.(*T).Run(") ||
			strings.Contains(text, "testing.(*T).Parallel(")
		if !waits && strings.Contains(text, "_test.go:") && of.Len() < most {
			of.WriteString(text + "\n\n")
		}
	}
	return of.String()
}
