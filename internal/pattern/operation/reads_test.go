package operation

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// TestReads checks that each name of the field done passes the necessary condition.
func TestReads(t *testing.T) {
	for _, name := range doneNames {
		if reads(pattern.Outline{Response: []string{"name", shape.Letters(name)}}) != pattern.ReadsBoth {
			t.Errorf("a response with %s may be an operation", name)
		}
	}
	if reads(pattern.Outline{Response: []string{"name", "error"}}) != pattern.ReadsNothing {
		t.Error("a response without done is no operation")
	}
}
