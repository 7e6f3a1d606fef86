//go:build !race

// The race detector adds allocations.

package filter_test

import (
	"testing"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/grpcservice/grpcservice/runtime/filter"
)

// TestMatchAllocatesNothing covers comparisons of scalars: a list method matches every message.
func TestMatchAllocatesNothing(t *testing.T) {
	f, err := filter.For((&spb.Status{}).ProtoReflect().Descriptor()).Parse("filter", `code > 2 AND message = "it*gone" AND NOT message = (x OR y)`)
	if err != nil {
		t.Fatal(err)
	}
	m := &spb.Status{Code: 5, Message: "it is gone"}
	ctx := t.Context()
	if allocs := testing.AllocsPerRun(100, func() { _, _ = f.Match(ctx, m) }); allocs != 0 {
		t.Errorf("a match allocates %v times", allocs)
	}
}

func BenchmarkMatch(b *testing.B) {
	f, err := filter.For((&spb.Status{}).ProtoReflect().Descriptor()).Parse("filter", `code > 2 AND message = "it*gone"`)
	if err != nil {
		b.Fatal(err)
	}
	m := &spb.Status{Code: 5, Message: "it is gone"}
	for b.Loop() {
		_, _ = f.Match(b.Context(), m)
	}
}

func BenchmarkParse(b *testing.B) {
	schema := filter.For((&spb.Status{}).ProtoReflect().Descriptor())
	for b.Loop() {
		if _, err := schema.Parse("filter", `code > 2 AND message = "it*gone"`); err != nil {
			b.Fatal(err)
		}
	}
}
