package page_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestServersCountRejectedTokens checks that the metrics of a server have the page tokens that its
// methods reject, by reason.
func TestServersCountRejectedTokens(t *testing.T) {
	var source metric.Source
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		source, _ = r.(metric.Source)
		server.Register[itemService](r, itemTable, items(
			func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
				return listItems.Serve(ctx, req, byID(20, nil))
			}))
	}, quiet)
	method := client.Bind(conn, itemTable.Methods()[0])
	list := func(req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		return client.Unary[pagev1.ListItemsResponse](t.Context(), method, req)
	}
	first, err := list(&pagev1.ListItemsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, req := range []*pagev1.ListItemsRequest{
		{PageToken: "garbage"}, {PageToken: "other garbage"},
		{PageToken: first.GetNextPageToken(), Filter: "another"},
	} {
		if _, err := list(req); err == nil {
			t.Errorf("%v is accepted", req)
		}
	}
	if _, err := list(&pagev1.ListItemsRequest{PageToken: first.GetNextPageToken()}); err != nil {
		t.Error(err)
	}
	const series = `grpcservice_server_page_tokens_rejected_total{grpc_type="unary",` +
		`grpc_service="page.v1.ItemService",grpc_method="ListItems",reason="`
	metrictest.Want(t, source, map[string]float64{
		series + `PAGE_TOKEN_INVALID"}`: 2, series + `PAGE_TOKEN_MISMATCH"}`: 1,
	})
}
