package echotest

import (
	"context"
	"testing"
	"time"
)

// Within receives from ch, or fails the test after a timeout.
func Within[T any](t *testing.T, ch <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-ch:
	case <-time.After(20 * time.Second):
		t.Error("nothing came within 20 s")
	}
	return got
}

// Context cancels the test's calls if the code under test does not.
func Context(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
