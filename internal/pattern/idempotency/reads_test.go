package idempotency

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// TestReads checks that each name of an idempotency key passes the necessary condition.
func TestReads(t *testing.T) {
	for _, name := range names {
		if reads(pattern.Outline{Request: []string{"parent", shape.Letters(name)}}) != pattern.ReadsRequest {
			t.Errorf("a request with %s may have an idempotency key", name)
		}
	}
	if reads(pattern.Outline{Request: []string{"parent"}}) != pattern.ReadsNothing {
		t.Error("a request without such a name has no idempotency key")
	}
}
