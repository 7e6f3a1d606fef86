package page_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// wide returns the items 1 to n with names of so many bytes.
func wide(n int64, bytes func(id int64) int) []*pagev1.Item {
	rows := numbered(n)
	for _, row := range rows {
		row.Name = strings.Repeat("x", bytes(row.GetId()))
	}
	return rows
}

// wideSources are all kinds of sources of rows.
func wideSources(rows []*pagev1.Item) map[string]page.Source[*pagev1.Item] {
	from := func(at int64, limit int) []*pagev1.Item { return rows[at:min(int(at)+limit, len(rows))] }
	return map[string]page.Source[*pagev1.Item]{
		"keyset": page.Keyset(func(_ context.Context, after *int64, limit int) ([]*pagev1.Item, error) {
			if after == nil {
				return from(0, limit), nil
			}
			return from(*after, limit), nil
		}, (*pagev1.Item).GetId),
		"offset": page.Offset(func(_ context.Context, offset int64, limit int) ([]*pagev1.Item, error) {
			return from(min(offset, int64(len(rows))), limit), nil
		}),
		"slice": page.Slice(rows),
		"cursor": page.Cursor(func(_ context.Context, cursor string, limit int) ([]*pagev1.Item, string, error) {
			found := from(int64(len(cursor)), limit)
			if len(cursor)+len(found) == len(rows) {
				return found, "", nil
			}
			return found, cursor + strings.Repeat("x", len(found)), nil
		}),
	}
}

// A page has no more bytes than it may, no page is smaller than it must be, and no item is missing
// or there twice.
func TestPagesAreCutByBytes(t *testing.T) {
	for name, test := range map[string]struct {
		n        int64
		bytes    func(id int64) int
		maxBytes int
		pages    int
	}{
		"all the same":        {100, func(int64) int { return 1000 }, 10_000, 12},
		"growing":             {100, func(id int64) int { return int(id) * 10 }, 10_000, 8},
		"one of them large":   {30, func(id int64) int { return 100 + 20_000*int(id/15%2*(1-min(id%15, 1))) }, 10_000, 3},
		"each alone":          {5, func(int64) int { return 20_000 }, 10_000, 5},
		"room for everything": {90, func(int64) int { return 10 }, 10_000, 1},
		"room for nothing":    {5, func(int64) int { return 10 }, 1, 5},
	} {
		rows := wide(test.n, test.bytes)
		for kind, source := range wideSources(rows) {
			var got []int64
			pages := 0
			req := &pagev1.ListItemsRequest{PageSize: 100}
			for more := true; more; pages++ {
				resp := serve(t, source, req, page.WithMaxBytes(test.maxBytes))
				if size := proto.Size(resp); size > test.maxBytes && len(resp.GetItems()) > 1 {
					t.Errorf("%s, %s: a page has %d bytes", name, kind, size)
				}
				for _, item := range resp.GetItems() {
					got = append(got, item.GetId())
				}
				if len(resp.GetItems()) == 0 || pages > 100 {
					t.Fatalf("%s, %s: page %d has %d items", name, kind, pages, len(resp.GetItems()))
				}
				req.PageToken = resp.GetNextPageToken()
				more = req.PageToken != ""
			}
			if !slices.Equal(got, idsFrom(1, test.n)) || pages > test.pages {
				t.Errorf("%s, %s: got %d items on %d pages, want %d on %d", name, kind, len(got), pages, test.n, test.pages)
			}
		}
	}
}

// What a page skips stays skipped where it is cut.
func TestACutPageSkipsOnce(t *testing.T) {
	for kind, source := range wideSources(wide(50, func(int64) int { return 1000 })) {
		first := serve(t, source, &pagev1.ListItemsRequest{Skip: 7, PageSize: 30}, page.WithMaxBytes(6000))
		if n := len(first.GetItems()); n != 5 || first.GetItems()[0].GetId() != 8 {
			t.Fatalf("%s: the first page has %d items from %d", kind, n, first.GetItems()[0].GetId())
		}
		second := serve(t, source, &pagev1.ListItemsRequest{Skip: 7, PageSize: 30, PageToken: first.GetNextPageToken()}, page.WithMaxBytes(6000))
		if second.GetItems()[0].GetId() != 20 { // 12 were served, and 7 skipped from there
			t.Errorf("%s: the second page begins at %d, want 20", kind, second.GetItems()[0].GetId())
		}
	}
}

// The token is a part of the response, however long the key is.
func TestALongTokenHasRoom(t *testing.T) {
	rows := wide(100, func(int64) int { return 1000 })
	source := page.Keyset(func(_ context.Context, after *string, limit int) ([]*pagev1.Item, error) {
		at := 0
		if after != nil {
			at = len(*after) - 3000
		}
		return rows[at:min(at+limit, len(rows))], nil
	}, func(i *pagev1.Item) string { return strings.Repeat("k", 3000+int(i.GetId())) })
	resp := serve(t, source, &pagev1.ListItemsRequest{PageSize: 100}, page.WithMaxBytes(10_000))
	if size := proto.Size(resp); size > 10_000 || len(resp.GetItems()) < 5 || len(resp.GetNextPageToken()) < 4000 {
		t.Errorf("%d items and a token of %d bytes have %d", len(resp.GetItems()), len(resp.GetNextPageToken()), size)
	}
}

func TestMapsAreCutByBytes(t *testing.T) {
	type (
		request  = pagev1.ListPlacesRequest
		response = pagev1.ListPlacesResponse
	)
	places := page.OfMap(runtime.MethodInfo{FullMethod: "/test/List", Policy: runtime.Policy{Page: limits}}, service[request, response].call,
		(*response).GetPlaces, page.Fields{Items: "places", Size: "page.limit", Token: "page.token", NextToken: "page.next_token", Total: "page.total"})
	var all []page.Entry[int32, *pagev1.Item]
	for i, item := range wide(40, func(int64) int { return 1000 }) {
		all = append(all, page.Entry[int32, *pagev1.Item]{Key: int32(i), Value: item})
	}
	svc := service[request, response](func(ctx context.Context, req *request) (*response, error) {
		resp, err := places.Serve(ctx, req, page.Slice(all), page.WithMaxBytes(6000))
		if err == nil && (proto.Size(resp) > 6000 || len(resp.GetPlaces()) > 5 || resp.GetPage().GetTotal().GetValue() != 40) {
			t.Errorf("%d places have %d bytes, and the total is %v", len(resp.GetPlaces()), proto.Size(resp), resp.GetPage().GetTotal())
		}
		return resp, err
	})
	n := int32(0)
	for entry, err := range places.All(t.Context(), svc, &request{Page: &pagev1.ListPlacesRequest_Page{Limit: 100}}) {
		if err != nil || entry.Key != n {
			t.Fatalf("got %v, %v, want %d", entry.Key, err, n)
		}
		n++
	}
	if n != 40 {
		t.Errorf("got %d places", n)
	}
}

// A list without tokens cannot state where a cut page ends: its caller gets an error, and our
// client asks for less.
func TestListsWithoutTokensAreNotCut(t *testing.T) {
	list := listOf[rowsRequest]((*rowsResponse).GetTexts, rowFields("texts"))
	all := slices.Repeat([]string{strings.Repeat("x", 1000)}, 50)
	var served []int
	svc := service[rowsRequest, rowsResponse](func(ctx context.Context, req *rowsRequest) (*rowsResponse, error) {
		resp, err := list.Serve(ctx, req, page.Slice(all), page.WithMaxBytes(8000))
		served = append(served, len(resp.GetTexts()))
		return resp, err
	})
	_, err := svc(t.Context(), &rowsRequest{Limit: wrapperspb.UInt32(30)})
	if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != page.ReasonTooLarge {
		t.Errorf("got %v", err)
	}
	if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Field != "limit" || !strings.Contains(v[0].Description, "at most 7 items") {
		t.Errorf("violations: %v", v)
	}
	served = nil
	n := 0
	for _, err := range list.All(t.Context(), svc, &rowsRequest{Limit: wrapperspb.UInt32(30)}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 50 || !slices.Equal(served, []int{0, 7, 7, 7, 7, 7, 7, 7, 1, 0}) {
		t.Errorf("got %d items in calls of %v", n, served)
	}
}

// uncut serves pages of whatever size, as servers do that know counts only, to a client with
// limits.
type uncut struct {
	rows  []*pagev1.Item
	sizes []int32
	fail  func(resp *pagev1.ListItemsResponse) error
}

func (u *uncut) ListItems(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
	u.sizes = append(u.sizes, req.GetPageSize())
	resp, err := listItems.Serve(ctx, req, wideSources(u.rows)["keyset"], page.WithMaxBytes(1<<30))
	if err == nil {
		err = u.fail(resp)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func TestAClientAsksForSmallerPages(t *testing.T) {
	tooLarge := func(resp *pagev1.ListItemsResponse) error {
		if proto.Size(resp) > 10_000 {
			return status.Error(codes.ResourceExhausted, "grpc: received message larger than max (20480 vs. 10000)")
		}
		return nil
	}
	for name, test := range map[string]struct {
		size  int32
		fail  func(resp *pagev1.ListItemsResponse) error
		sizes []int32
		code  codes.Code
	}{
		"half of what was asked for": {40, tooLarge, []int32{40, 20, 10, 5, 5, 5, 5}, codes.OK},
		"the default is asked for":   {0, func(*pagev1.ListItemsResponse) error { return nil }, []int32{0, 0, 0, 0}, codes.OK},
		"no page is small enough": {4, func(*pagev1.ListItemsResponse) error {
			return status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)")
		}, []int32{4, 2, 1}, codes.ResourceExhausted},
		"a quota is no size": {40, func(*pagev1.ListItemsResponse) error {
			return status.Error(codes.ResourceExhausted, "quota exceeded")
		}, []int32{40}, codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			svc := &uncut{rows: wide(20, func(int64) int { return 1900 }), fail: test.fail}
			got, err := idsIn(listItems.All(t.Context(), svc, &pagev1.ListItemsRequest{PageSize: test.size}))
			if status.Code(err) != test.code || test.code == codes.OK && !slices.Equal(got, idsFrom(1, 20)) {
				t.Errorf("got %v, %v", got, err)
			}
			if !slices.Equal(svc.sizes, test.sizes) {
				t.Errorf("pages of %v were asked for, want %v", svc.sizes, test.sizes)
			}
		})
	}
}

// A page of the highest size of the policy can be received by a client that was told nothing,
// whatever its items are.
func TestAPageOfTheAllowedSizeCanBeSent(t *testing.T) {
	rows := wide(1000, func(int64) int { return 20 << 10 })
	info := runtime.MethodInfo{FullMethod: itemMethod, Policy: runtime.Policy{Page: runtime.Page{MaxSize: 1000}}}
	method := page.Of(info, itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, itemFields)
	table := runtime.NewService("page.v1.ItemService", pagev1.File_page_v1_page_proto,
		runtime.Unary("ListItems", itemService.ListItems, runtime.Policy{Page: runtime.Page{MaxSize: 1000}}))
	srv := server.New(quiet, server.WithDrainDelay(0))
	server.Register[itemService](srv, table, items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		return method.Serve(ctx, req, wideSources(rows)["offset"])
	}))
	lis := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.WithoutCancel(t.Context()), lis) }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	n, pages, req := 0, 0, &pagev1.ListItemsRequest{PageSize: 1000}
	for more := true; more; pages++ {
		resp := new(pagev1.ListItemsResponse)
		if err := conn.Invoke(t.Context(), itemMethod, req, resp); err != nil {
			t.Fatal(err)
		}
		n += len(resp.GetItems())
		req.PageToken = resp.GetNextPageToken()
		more = req.PageToken != ""
	}
	if n != 1000 || pages != 5 {
		t.Errorf("got %d items on %d pages, want 1000 on 5", n, pages)
	}
	conn.Close()
	if err := errors.Join(srv.Shutdown(context.WithoutCancel(t.Context())), <-served); err != nil {
		t.Error(err)
	}
}

// fetched counts the pages that a prefetching range has asked for when it has stopped to, of pages
// that have 1000 bytes.
func fetched(t *testing.T, opts ...page.ReadOption) (n int32) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		source := wideSources(wide(60, func(int64) int { return 900 }))["offset"]
		svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			calls.Add(1)
			return listItems.Serve(ctx, req, source)
		})
		next, stop := iter.Pull2(listItems.Pages(t.Context(), svc, &pagev1.ListItemsRequest{PageSize: 1}, opts...))
		defer stop()
		next()
		synctest.Wait()
		n = calls.Load()
		for id := int64(2); ; id++ { // all come, however few are ahead
			p, err, ok := next()
			if !ok {
				if id != 61 {
					t.Errorf("the pages ended before item %d", id)
				}
				return
			}
			if err != nil || p.Items[0].GetId() != id {
				t.Fatalf("got %v, %v, want item %d", p, err, id)
			}
		}
	})
	return n
}

// Pages that are fetched before they are wanted are few or small.
func TestPrefetchHoldsNoMoreBytes(t *testing.T) {
	for name, test := range map[string]struct {
		opts []page.ReadOption
		want int32
	}{
		"as many as there may be":       {[]page.ReadOption{page.WithPrefetch(20)}, 21},
		"as many as have room":          {[]page.ReadOption{page.WithPrefetch(20), page.WithPrefetchBytes(5000)}, 1 + 6},
		"one where none has room":       {[]page.ReadOption{page.WithPrefetch(20), page.WithPrefetchBytes(1)}, 1 + 1},
		"no more than that":             {[]page.ReadOption{page.WithPrefetch(2), page.WithPrefetchBytes(1 << 30)}, 1 + 2},
		"one is fetched where one is":   {[]page.ReadOption{page.WithPrefetch(1), page.WithPrefetchBytes(5000)}, 1 + 1},
		"an option that makes no sense": {[]page.ReadOption{page.WithPrefetch(20), page.WithPrefetchBytes(-1)}, 1 + 1},
	} {
		if got := fetched(t, test.opts...); got != test.want {
			t.Errorf("%s: %d pages were fetched, want %d", name, got, test.want)
		}
	}
}
