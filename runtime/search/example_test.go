package search_test

import (
	"context"
	"fmt"
	"iter"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/search"
)

// catalogue has responses with a list of results. Called directly, as here, it behaves as its
// client does.
type catalogue struct{ names []string }

func (c catalogue) Search(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.Item] {
	return runtime.Fail[pagev1.Item](runtime.Unimplemented("page.v1.SearchService", "Search"))
}

func (c catalogue) SearchPacked(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.ListItemsResponse] {
	return searchPacked.Serve(ctx, req, c.find(req.GetFilter()), search.WithMaxLimit(1000))
}

// find yields the items of the catalogue.
func (c catalogue) find(string) iter.Seq2[*pagev1.Item, error] {
	return func(yield func(*pagev1.Item, error) bool) {
		for i, name := range c.names {
			if !yield(&pagev1.Item{Id: int64(i), Name: name}, nil) {
				return
			}
		}
	}
}

func ExampleMethod_All() {
	products := catalogue{[]string{"tea", "coffee", "cocoa"}}
	for item, err := range searchPacked.All(context.Background(), products, &pagev1.ListItemsRequest{PageSize: 2}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(item.GetId(), item.GetName())
	}
	// Output:
	// 0 tea
	// 1 coffee
}
