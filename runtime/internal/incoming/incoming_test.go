package incoming

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// TestValues compares what is read with what grpc reads.
func TestValues(t *testing.T) {
	read := metadata.Pairs("one", "1", "two", "1", "two", "2")
	arrived := &bounds.Arrival{Context: metadata.NewIncomingContext(t.Context(), read), Header: read}
	replaced := metadata.NewIncomingContext(arrived, metadata.MD{"One": {"another"}, "ONE": nil})
	for what, ctx := range map[string]context.Context{
		"no metadata":                 t.Context(),
		"outgoing metadata":           metadata.NewOutgoingContext(t.Context(), read),
		"of a transport":              arrived,
		"of an interceptor":           metadata.NewIncomingContext(arrived, metadata.MD{"oNe": {"another"}}),
		"two interceptors":            metadata.NewIncomingContext(replaced, metadata.MD{"oNe": {"a third"}}),
		"a copy by an interceptor":    metadata.NewIncomingContext(arrived, read.Copy()),
		"without a transport":         metadata.NewIncomingContext(t.Context(), metadata.MD{"TWO": {"x", "y"}}),
		"of an interceptor, and nil":  metadata.NewIncomingContext(arrived, nil),
		"a transport without headers": &bounds.Arrival{Context: t.Context()},
	} {
		for _, name := range []string{"one", "two", "three"} {
			want := metadata.ValueFromIncomingContext(ctx, name)
			if got := Values(ctx, name); !slices.Equal(got, want) {
				t.Errorf("%s: %s is %q, want %q", what, name, got, want)
			}
		}
	}
}

// TestNothingIsCopied fails if grpc keeps metadata in contexts in another way: reading it then
// copies all of it.
func TestNothingIsCopied(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("one", "1", "two", "2"))
	if allocs := testing.AllocsPerRun(100, func() {
		header := Of(ctx)
		if len(header.Values("one")) != 1 || len(header.Values("three")) != 0 {
			t.Error("the metadata is not found")
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
