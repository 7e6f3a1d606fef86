package operation

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// A response without a place for failures fails before any work is done, and not with the first
// item.
func TestEachNeedsAPlaceForFailures(t *testing.T) {
	run := &Run[anypb.Any, anypb.Any]{a: &attempt{op: &Record{}}, req: &anypb.Any{}, metadata: &anypb.Any{}}
	_, err := Each(t.Context(), run, []string{"a"}, func(context.Context, string) (string, error) {
		t.Error("a child was worked on")
		return "", errors.New("wet")
	})
	if status.Code(err) != codes.Internal {
		t.Errorf("Each: %v, want INTERNAL", err)
	}
}
