//go:build !race

// The race detector adds allocations.

package search_test

import (
	"iter"
	"testing"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
	"github.com/grpcservice/grpcservice/runtime/search"
)

// repeated yields the same value n times.
func repeated[T any](value T, n int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for range n {
			if !yield(value, nil) {
				return
			}
		}
	}
}

// drain ranges over all of a stream.
func drain[T any](s runtime.Stream[T]) {
	for range s {
	}
}

// TestResultsAllocateNothing checks that results cost no allocation each. If a response has a list,
// they cost what protobuf's reflection needs to append to a list, and a share of the response.
func TestResultsAllocateNothing(t *testing.T) {
	const few, many = 100, 10_100
	req, item := new(pagev1.ListItemsRequest), &pagev1.Item{Name: "a"}
	info := runtime.NewMethodInfo("page.v1.RowService", "Search", runtime.KindServerStream, runtime.Policy{})
	texts := search.OfItems(info, rowService.Search, (*pagev1.ListRowsResponse).GetTexts, search.Fields{Items: "texts"})
	for name, test := range map[string]struct {
		serve func(n int)
		most  float64 // for each result
	}{
		"single":  {func(n int) { drain(searchItems.Serve(t.Context(), req, repeated(item, n))) }, 0},
		"packed":  {func(n int) { drain(searchPacked.Serve(t.Context(), req, repeated(item, n))) }, 1.15},
		"strings": {func(n int) { drain(texts.Serve(t.Context(), new(pagev1.ListRowsRequest), repeated("a", n))) }, 3.15},
	} {
		each := (alloctest.Least(func() { test.serve(many) }) - alloctest.Least(func() { test.serve(few) })) / (many - few)
		if each > test.most {
			t.Errorf("%s: %.3f allocations for each result, at most %.2f", name, each, test.most)
		}
	}
}
