package page_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// keepOdd keeps the items with odd IDs, and counts how often it is called.
func keepOdd(calls *int) func(context.Context, []*pagev1.Item) ([]bool, error) {
	return func(_ context.Context, items []*pagev1.Item) ([]bool, error) {
		*calls++
		keep := make([]bool, len(items))
		for i, item := range items {
			keep[i] = item.GetId()%2 == 1
		}
		return keep, nil
	}
}

// TestFilteredSourcesLoseNothing reads filtered lists with pages of every size, some of them cut to
// a maximum of bytes: each item that is kept is returned once.
func TestFilteredSourcesLoseNothing(t *testing.T) {
	for n := range int64(15) {
		for size := range int32(16) {
			for _, maxBytes := range []int{1 << 20, 150} {
				for name, source := range sources(n) {
					calls, pages := 0, 0
					svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
						pages++
						return listItems.Serve(ctx, req, page.Filtered(source, keepOdd(&calls)), page.WithMaxBytes(maxBytes))
					})
					var got, want []int64
					for item, err := range listItems.All(t.Context(), svc, &pagev1.ListItemsRequest{PageSize: size}) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, item.GetId())
					}
					for id := int64(1); id <= n; id += 2 {
						want = append(want, id)
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%s of %d, pages of %d, %d bytes: got %v, want %v", name, n, size, maxBytes, got, want)
					}
					if maxBytes > 1000 && calls > pages {
						t.Errorf("%s: %d questions for %d pages", name, calls, pages)
					}
				}
			}
		}
	}
}

// TestFilteredSourcesThatFail holds that nothing is returned without an answer for each item.
func TestFilteredSourcesThatFail(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		keep []bool
		err  error
		code codes.Code
	}{
		"an error":  {[]bool{true, true}, broken, codes.Unknown},
		"too few":   {[]bool{true}, nil, codes.Internal},
		"too many":  {[]bool{true, true, true}, nil, codes.Internal},
		"no answer": {nil, nil, codes.Internal},
	} {
		source := page.Filtered(page.Slice(numbered(2)), func(context.Context, []*pagev1.Item) ([]bool, error) { return test.keep, test.err })
		resp, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{}, source)
		if resp != nil || status.Code(err) != test.code || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
}

// TestFilteredTotalsAreNotSent holds that the number of all items does not show how many the caller
// may not see.
func TestFilteredTotalsAreNotSent(t *testing.T) {
	calls := 0
	resp, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageSize: 9}, page.Filtered(page.Slice(numbered(9)), keepOdd(&calls)))
	if err != nil || len(resp.GetItems()) != 5 {
		t.Fatal(resp, err)
	}
	if total := resp.ProtoReflect().Get(resp.ProtoReflect().Descriptor().Fields().ByName("total_size")); total.Int() != 0 {
		t.Errorf("the total is %v", total)
	}
}
