package page_test

import (
	"context"
	"testing"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// BenchmarkServe is what a page of 50 items costs beside its rows, and what beside a response that
// is put together by hand.
func BenchmarkServe(b *testing.B) {
	all := numbered(100)
	type key struct {
		Name string
		ID   int64
	}
	source := page.Keyset(func(_ context.Context, after *key, limit int) ([]*pagev1.Item, error) {
		if after == nil {
			return all[:limit], nil
		}
		return all[after.ID:min(int(after.ID)+limit, 100)], nil
	}, func(i *pagev1.Item) key { return key{i.GetName(), i.GetId()} })
	first := &pagev1.ListItemsRequest{
		PageSize: 50, Parent: "shelves/1", Filter: "born > 1900", OrderBy: "name", ShowDeleted: true, Ids: []int64{3, 1, 2}, Language: "de", View: "FULL", Minimum: 1.5,
	}
	resp, err := listItems.Serve(b.Context(), first, source)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("first page", func(b *testing.B) { benchmarkServe(b, first, source) })
	second := &pagev1.ListItemsRequest{
		PageSize: 20, Parent: "shelves/1", Filter: "born > 1900", OrderBy: "name", ShowDeleted: true, Ids: []int64{3, 1, 2}, Language: "de", View: "FULL", Minimum: 1.5,
		PageToken: resp.GetNextPageToken(),
	}
	b.Run("second page of 20", func(b *testing.B) { benchmarkServe(b, second, source) })
}

func benchmarkServe(b *testing.B, req *pagev1.ListItemsRequest, source page.Source[*pagev1.Item]) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := listItems.Serve(context.Background(), req, source); err != nil {
			b.Fatal(err)
		}
	}
}
