package page_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// itemService is what is generated for a service with a paged RPC.
type itemService interface {
	ListItems(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error)
}

// items implements it, and is a client of itself.
type items func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error)

func (f items) ListItems(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
	return f(ctx, req)
}

var (
	limits    = runtime.Page{DefaultSize: 5, MaxSize: 100, TokenTTL: time.Hour}
	itemTable = runtime.NewService("page.v1.ItemService", pagev1.File_page_v1_page_proto,
		runtime.Unary("ListItems", itemService.ListItems, runtime.Policy{Page: limits, Auth: &runtime.Auth{}}))
	itemFields = page.Fields{
		Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token", Total: "total_size",
		Skip: "skip", IdempotencyKey: "request_id", Vary: []string{"trace", "created.from"},
	}
	listItems = page.Of(itemTable.Methods()[0], itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, itemFields)
)

// item is a row of most tests.
func item(id int64) *pagev1.Item { return &pagev1.Item{Id: id} }

// numbered returns the items 1 to n.
func numbered(n int64) []*pagev1.Item {
	rows := make([]*pagev1.Item, n)
	for i := range rows {
		rows[i] = item(int64(i) + 1)
	}
	return rows
}

// byID is the keyset of the items 1 to n, which notes in asked with what limits rows were asked
// for.
func byID(n int64, asked *[]int) page.Source[*pagev1.Item] {
	return page.Keyset(func(_ context.Context, after *int64, limit int) (rows []*pagev1.Item, _ error) {
		if asked != nil {
			*asked = append(*asked, limit)
		}
		id := int64(1)
		if after != nil {
			id = *after + 1
		}
		for ; id <= n && len(rows) < limit; id++ {
			rows = append(rows, item(id))
		}
		return rows, nil
	}, (*pagev1.Item).GetId)
}

// serve answers one request from a source.
func serve(t testing.TB, source page.Source[*pagev1.Item], req *pagev1.ListItemsRequest, opts ...page.Option) *pagev1.ListItemsResponse {
	t.Helper()
	resp, err := listItems.Serve(t.Context(), req, source, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// wantIDs checks what is on a page.
func wantIDs(t *testing.T, resp *pagev1.ListItemsResponse, first, last int64) {
	t.Helper()
	var want int64
	if first <= last {
		want = last - first + 1
	}
	if got := int64(len(resp.GetItems())); got != want {
		t.Fatalf("the page has %d items, want %d to %d", got, first, last)
	}
	for i, got := range resp.GetItems() {
		if got.GetId() != first+int64(i) {
			t.Fatalf("item %d of the page is %d, want %d to %d", i, got.GetId(), first, last)
		}
	}
}

// wantInvalid checks that a request was rejected for one field, and that the caller learns no more
// than that.
func wantInvalid(t *testing.T, err error, field string, reason rpcerr.Reason) {
	t.Helper()
	violations := rpcerr.FieldViolations(err)
	if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != reason ||
		len(violations) != 1 || violations[0].Field != field || violations[0].Reason != reason.Name() || violations[0].Description == "" {
		t.Errorf("got %v, reason %s, violations %v; want INVALID_ARGUMENT, %s at %s", err, rpcerr.ReasonOf(err), violations, reason, field)
	}
}

// wantInternal checks that a mistake of the service is for its log only.
func wantInternal(t *testing.T, err error, log string) {
	t.Helper()
	if status.Code(err) != codes.Internal || status.Convert(err).Message() != "internal error" {
		t.Errorf("the caller gets %v, want INTERNAL with no more than that", status.Convert(err))
	}
	if err == nil || !contains(err.Error(), log) {
		t.Errorf("the log has %v, want %q in it", err, log)
	}
}

var (
	errFailed = errors.New("failed")
	quiet     = server.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
)
