package main

import (
	"context"
	"fmt"
	"time"

	"go.einride.tech/aip/pagination"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// aip is the paging of aip-go, which is for services by hand.
const aip = "aip-go"

// lister is what is generated for a service with a paged RPC.
type lister interface {
	ListItems(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error)
}

var listItems = page.Of(
	runtime.NewService("page.v1.ItemService", pagev1.File_page_v1_page_proto,
		runtime.Unary("ListItems", lister.ListItems, runtime.Policy{Page: runtime.Page{DefaultSize: 50, MaxSize: 1000, TokenTTL: time.Hour}})).Method("ListItems"),
	lister.ListItems, (*pagev1.ListItemsResponse).GetItems,
	page.Fields{Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token", Skip: "skip"},
)

// rows are what a page of one item is cut from.
var rows = []*pagev1.Item{{Id: 1}, {Id: 2}}

// pager answers a request with its page.
type pager func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error)

// pagers read the token of a request and make the next.
var pagers = map[string]pager{
	ours: func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		return listItems.Serve(ctx, req, page.Offset(func(context.Context, int64, int) ([]*pagev1.Item, error) { return rows, nil }))
	},
	aip: func(_ context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		token, err := pagination.ParsePageToken(req)
		if err != nil {
			return nil, err
		}
		return &pagev1.ListItemsResponse{Items: rows[:1], NextPageToken: token.Next(req).String()}, nil
	},
}

// measurePages compares what serves one page in the middle of a list: its request has a token and
// ten other fields.
func measurePages(ctx context.Context, o options) error {
	printHead(aip)
	for _, stack := range []string{aip, ours} {
		second, err := secondPage(ctx, pagers[stack])
		if err != nil {
			return err
		}
		what := fmt.Sprintf("page of a list, token of %d characters", len(second.GetPageToken()))
		if err := compare(what, stack, o.pairs, o.direct, pageBlock(ctx, aip, o.direct), pageBlock(ctx, stack, o.direct)); err != nil {
			return err
		}
	}
	return nil
}

// pageBlock serves the second page n times.
func pageBlock(ctx context.Context, stack string, n int) block {
	return func() (peers.Usage, error) {
		second, err := secondPage(ctx, pagers[stack])
		if err != nil {
			return peers.Usage{}, err
		}
		before, err := peers.Used()
		if err != nil {
			return peers.Usage{}, err
		}
		for range n {
			if _, err := pagers[stack](ctx, second); err != nil {
				return peers.Usage{}, err
			}
		}
		after, err := peers.Used()
		return after.Since(before), err
	}
}

// secondPage returns the request for what comes after the first page. The map has one entry, as
// aip-go rejects many of its own tokens for requests with more: it sums up the encoded request,
// whose maps have no order.
func secondPage(ctx context.Context, serve pager) (*pagev1.ListItemsRequest, error) {
	req := &pagev1.ListItemsRequest{
		Parent: "shelves/1", PageSize: 1, Filter: `name = "a*"`, OrderBy: "name desc", ShowDeleted: true, Ids: []int64{1, 2, 3},
		Labels: map[string]string{"tier": "gold"}, Language: "de-CH", Created: &pagev1.Range{From: 1, To: 2}, View: "FULL", Minimum: 0.5,
	}
	first, err := serve(ctx, req)
	if err != nil {
		return nil, err
	}
	req.PageToken = first.GetNextPageToken()
	return req, nil
}
