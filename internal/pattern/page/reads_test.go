package page

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// TestReads checks that each name of a token passes the necessary condition.
func TestReads(t *testing.T) {
	names := nextTokenNames
	for _, pair := range looseTokens {
		names = append(names, pair[1])
	}
	for _, name := range names {
		if reads(pattern.Outline{Response: []string{"items", shape.Letters(name)}}) != pattern.ReadsBoth {
			t.Errorf("a response with %s may be a page", name)
		}
	}
	if reads(pattern.Outline{Response: []string{"items", "total"}}) != pattern.ReadsNothing {
		t.Error("a response without a token is no page")
	}
}
