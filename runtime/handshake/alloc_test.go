//go:build !race

// The race detector adds allocations.

package handshake_test

import (
	"context"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestMessagesAllocateNothing counts the allocations of a conversation by its messages.
func TestMessagesAllocateNothing(t *testing.T) {
	first, next := hello("en"), data("a")
	allocs := func(n int) float64 {
		return alloctest.Least(func() {
			reqs := func(yield func(*request, error) bool) {
				more := yield(first, nil)
				for i := 0; more && i < n; i++ {
					more = yield(next, nil)
				}
			}
			for range transcode.Serve(t.Context(), reqs, answerAll) {
			}
		})
	}
	if few, many := allocs(10), allocs(1010); many-few > 2 { // the goroutines' own, now and then
		t.Errorf("1000 more requests and responses cost %v allocations", many-few)
	}
}

// answerAll answers each request with the same response.
func answerAll(_ context.Context, _ *header, reqs runtime.Stream[request], send func(*response) error) error {
	for _, err := range reqs {
		if err != nil {
			return err
		}
		if err := send(answer); err != nil {
			return err
		}
	}
	return nil
}

var answer = named("answer")
