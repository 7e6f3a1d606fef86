package page_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// service calls methods of any messages: it is its own service.
type service[Req, Resp any] func(context.Context, *Req) (*Resp, error)

func (f service[Req, Resp]) call(ctx context.Context, req *Req) (*Resp, error) { return f(ctx, req) }

// listOf returns a method of any messages.
func listOf[Req, Resp, T any](items func(*Resp) []T, fields page.Fields) *page.Method[service[Req, Resp], Req, Resp, T] {
	return page.Of(runtime.MethodInfo{FullMethod: "/test/List", Policy: runtime.Policy{Page: limits}}, service[Req, Resp].call, items, fields)
}

// readAll serves a slice, and reads it with pages of the default size.
func readAll[Req, Resp, T any](t *testing.T, m *page.Method[service[Req, Resp], Req, Resp, T], all []T, source page.Source[T], req *Req) (got []T, pages []*page.Page[T, Resp]) {
	t.Helper()
	svc := service[Req, Resp](func(ctx context.Context, req *Req) (*Resp, error) { return m.Serve(ctx, req, source) })
	for p, err := range m.Pages(t.Context(), svc, req) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Items...)
		pages = append(pages, p)
	}
	return got, pages
}

// TestAPageInAMessageOfItsOwn has tokens that are bytes, a size that is an int64, a total in a
// wrapper and items in a map.
func TestAPageInAMessageOfItsOwn(t *testing.T) {
	type (
		request  = pagev1.ListPlacesRequest
		response = pagev1.ListPlacesResponse
	)
	places := page.OfMap(runtime.MethodInfo{FullMethod: "/test/List", Policy: runtime.Policy{Page: limits}}, service[request, response].call,
		(*response).GetPlaces, page.Fields{Items: "places", Size: "page.limit", Token: "page.token", NextToken: "page.next_token", Total: "page.total"})
	var all []page.Entry[int32, *pagev1.Item]
	for i := range int32(12) {
		all = append(all, page.Entry[int32, *pagev1.Item]{Key: i - 6, Value: item(int64(i))})
	}
	for _, req := range []*request{nil, {Region: "x"}, {Page: &pagev1.ListPlacesRequest_Page{Locale: "de"}}} {
		got, pages := readAll(t, places, all, page.Slice(all), req)
		if len(got) != 12 || len(pages) != 3 || pages[0].Total != 12 || pages[0].Response.GetPage().GetTotal().GetValue() != 12 {
			t.Fatalf("got %v in %d pages of %d", got, len(pages), pages[0].Total)
		}
		for i, entry := range got {
			if entry.Key != all[i].Key || entry.Value.GetId() != all[i].Value.GetId() {
				t.Errorf("entry %d is %v, want %v", i, entry, all[i])
			}
		}
	}
	_, err := places.Serve(t.Context(), &request{Page: &pagev1.ListPlacesRequest_Page{Limit: -1 << 40}}, page.Slice(all))
	wantInvalid(t, err, "page.limit", page.ReasonSizeInvalid)

	first, err := places.Serve(t.Context(), &request{Page: &pagev1.ListPlacesRequest_Page{Limit: 1 << 40, Locale: "de"}}, page.Slice(append(all, all[:0]...)))
	if err != nil || len(first.GetPlaces()) != 12 || first.GetPage().GetNextToken() != nil {
		t.Errorf("got %v, %v", first, err)
	}
	first, err = places.Serve(t.Context(), &request{Page: &pagev1.ListPlacesRequest_Page{Locale: "de"}}, page.Slice(all))
	if err != nil {
		t.Fatal(err)
	}
	token := first.GetPage().GetNextToken()
	_, err = places.Serve(t.Context(), &request{Page: &pagev1.ListPlacesRequest_Page{Locale: "fr", Token: token}}, page.Slice(all))
	wantInvalid(t, err, "page.token", page.ReasonTokenMismatch) // what is beside the token is bound
	_, err = places.Serve(t.Context(), &request{Region: "x", Page: &pagev1.ListPlacesRequest_Page{Locale: "de", Token: token}}, page.Slice(all))
	wantInvalid(t, err, "page.token", page.ReasonTokenMismatch)
	_, err = places.Serve(t.Context(), nil, page.Slice(append(all[:1:1], all[0])))
	wantInternal(t, err, "the item -6 is on the page twice")
	_, err = places.Serve(t.Context(), nil, page.Slice([]page.Entry[int32, *pagev1.Item]{{Key: 4}}))
	wantInternal(t, err, "the item 4 of the page is nil")
}

// TestTheOpaqueAPI checks that messages whose fields cannot be seen are served and read.
func TestTheOpaqueAPI(t *testing.T) {
	var all []*pagev1.OpaqueItem
	for i := range int64(12) {
		all = append(all, pagev1.OpaqueItem_builder{Id: &i}.Build())
	}
	list := listOf[pagev1.ListOpaqueRequest]((*pagev1.ListOpaqueResponse).GetItems, page.Fields{
		Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token", Total: "total_size",
	})
	got, pages := readAll(t, list, all, page.Keyset(func(_ context.Context, after *int64, limit int) ([]*pagev1.OpaqueItem, error) {
		rest := all
		if after != nil {
			rest = all[*after+1:]
		}
		return rest[:min(limit, len(rest))], nil
	}, (*pagev1.OpaqueItem).GetId), nil)
	if len(pages) != 3 || !slices.Equal(got, all) {
		t.Errorf("got %v in %d pages", got, len(pages))
	}
}

// rowFields page without tokens.
func rowFields(items string) page.Fields {
	return page.Fields{Items: items, Size: "limit", Skip: "offset", Total: "total"}
}

type (
	rowsRequest  = pagev1.ListRowsRequest
	rowsResponse = pagev1.ListRowsResponse
)

// TestItemsOfEveryKind checks that they need not be messages, and that pages may be counted where
// there is no token.
func TestItemsOfEveryKind(t *testing.T) {
	wantRows(t, (*rowsResponse).GetTexts, rowFields("texts"), []string{"a", "", "c", "d", "e", "f", "g"}, func(a, b string) bool { return a == b })
	wantRows(t, (*rowsResponse).GetNumbers, rowFields("numbers"), []int32{1, 0, -3, 4, 5}, func(a, b int32) bool { return a == b })
	wantRows(t, (*rowsResponse).GetKinds, rowFields("kinds"), []pagev1.Kind{1, 0, 2, 1, 1, 9}, func(a, b pagev1.Kind) bool { return a == b })
	wantRows(t, (*rowsResponse).GetBlobs, rowFields("blobs"), [][]byte{{1}, {}, {3}}, func(a, b []byte) bool { return slices.Equal(a, b) })
}

func wantRows[T any](t *testing.T, items func(*rowsResponse) []T, fields page.Fields, all []T, equal func(a, b T) bool) {
	t.Helper()
	list := listOf[rowsRequest](items, fields)
	fromDB := page.Offset(func(_ context.Context, offset int64, limit int) ([]T, error) {
		rest := all[min(offset, int64(len(all))):]
		return rest[:min(limit, len(rest))], nil
	})
	for _, source := range []page.Source[T]{page.Slice(all), fromDB} {
		for _, limit := range []uint32{0, 1, 3, 1 << 31} {
			got, pages := readAll(t, list, all, source, &rowsRequest{Limit: wrapperspb.UInt32(limit)})
			if !slices.EqualFunc(got, all, equal) || len(pages[len(pages)-1].Items) != 0 {
				t.Errorf("%s, limit %d: got %v", fields.Items, limit, got)
			}
			if got, _ := readAll(t, list, all, source, &rowsRequest{Limit: wrapperspb.UInt32(limit), Offset: 2}); !slices.EqualFunc(got, all[2:], equal) {
				t.Errorf("%s, limit %d from 2: got %v", fields.Items, limit, got)
			}
		}
	}
}

// TestListsWithoutTokensAreCounted checks that a source which needs one is the service's mistake,
// and that no offset is too high.
func TestListsWithoutTokensAreCounted(t *testing.T) {
	list := listOf[rowsRequest]((*rowsResponse).GetTexts, rowFields("texts"))
	_, err := list.Serve(t.Context(), nil, page.Cursor(func(context.Context, string, int) ([]string, string, error) { return nil, "", nil }))
	wantInternal(t, err, "use Offset or Slice for a list without tokens")
	_, err = list.Serve(t.Context(), nil, page.Keyset(func(context.Context, *string, int) ([]string, error) { return nil, nil }, func(s string) string { return s }))
	wantInternal(t, err, "use Offset or Slice for a list without tokens")
	_, err = list.Serve(t.Context(), &rowsRequest{Offset: -1}, page.Slice([]string{"a"}))
	wantInvalid(t, err, "offset", page.ReasonSkipInvalid)
	resp, err := list.Serve(t.Context(), &rowsRequest{Offset: 1<<63 - 1}, page.Slice([]string{"a"}))
	if err != nil || len(resp.GetTexts()) != 0 || resp.GetTotal() != 1 {
		t.Errorf("got %v, %v", resp, err)
	}
	resp, err = list.Serve(t.Context(), &rowsRequest{Offset: 1<<63 - 1}, page.Offset(func(context.Context, int64, int) ([]string, error) {
		t.Error("rows were asked for behind the last that can be counted")
		return nil, nil
	}))
	if err != nil || len(resp.GetTexts()) != 0 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// TestMapsOfEveryKey reads pages in the order of their keys.
func TestMapsAreReadInOrder(t *testing.T) {
	labels := page.OfMap(runtime.MethodInfo{FullMethod: "/test/List"}, service[rowsRequest, rowsResponse].call, (*rowsResponse).GetLabels, rowFields("labels"))
	all := map[string]string{"b": "2", "": "0", "c": "3", "a": "1"}
	svc := service[rowsRequest, rowsResponse](func(_ context.Context, req *rowsRequest) (*rowsResponse, error) {
		if req.GetOffset() > 0 {
			return &rowsResponse{}, nil
		}
		return &rowsResponse{Labels: all}, nil
	})
	var keys []string
	for entry, err := range labels.All(t.Context(), svc, nil) {
		if err != nil || entry.Value != all[entry.Key] {
			t.Fatalf("got %v, %v", entry, err)
		}
		keys = append(keys, entry.Key)
	}
	if !slices.Equal(keys, []string{"", "a", "b", "c"}) {
		t.Errorf("got %q", keys)
	}
}

// TestFieldsThatThereAreNot checks that they are found on the first use, by server and client, and
// never end the process.
func TestFieldsThatThereAreNot(t *testing.T) {
	good := itemFields
	for want, spoil := range map[string]func(*page.Fields){
		"items: page.v1.ListItemsResponse has no field nothing":     nil,
		"size: page.v1.ListItemsRequest has no field size":          func(f *page.Fields) { f.Size = "size" },
		"created.from.x: page.v1.Range.from is not a message":       func(f *page.Fields) { f.Size = "created.from.x" },
		"labels.value: page.v1.ListItemsRequest.labels is not":      func(f *page.Fields) { f.Token = "labels.value" },
		"parent is string, not an integer":                          func(f *page.Fields) { f.Size = "parent" },
		"ids is a list, not an integer":                             func(f *page.Fields) { f.Skip = "ids" },
		"minimum is double, not an integer":                         func(f *page.Fields) { f.Skip = "minimum" },
		"created is page.v1.Range, not an integer":                  func(f *page.Fields) { f.Size = "created" },
		"labels is a map, not a string or bytes":                    func(f *page.Fields) { f.Token = "labels" },
		"skip is int32, not a string or bytes":                      func(f *page.Fields) { f.IdempotencyKey = "skip" },
		"total_size is int32, not a list or a map":                  func(f *page.Fields) { f.Items = "total_size" },
		"no field for the items":                                    func(f *page.Fields) { f.Items = "" },
		"only one of the request and the response has a page token": func(f *page.Fields) { f.NextToken = "" },
		"no field for the start of a page":                          func(f *page.Fields) { f.Token, f.NextToken, f.Skip = "", "", "" },
		"ListItemsRequest has no field other":                       func(f *page.Fields) { f.Vary = []string{"trace", "other"} },
	} {
		fields := good
		if spoil != nil {
			spoil(&fields)
		} else {
			fields.Items = "nothing"
			want = "nothing: page.v1.ListItemsResponse has no field nothing"
		}
		list := page.Of(itemTable.Methods()[0], itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, fields)
		_, err := list.Serve(t.Context(), nil, byID(1, nil))
		wantInternal(t, err, want)
		for _, err := range list.Pages(t.Context(), &listing{}, nil) {
			wantInternal(t, err, want)
		}
	}
}

// TestTypesThatDoNotFit holds the same of items that the field does not hold.
func TestTypesThatDoNotFit(t *testing.T) {
	fails := func(err error, want string) {
		t.Helper()
		wantInternal(t, err, want)
	}
	_, err := listOf[rowsRequest](func(*rowsResponse) []int64 { return nil }, rowFields("texts")).Serve(t.Context(), nil, page.Slice([]int64{1}))
	fails(err, "page.v1.ListRowsResponse.texts does not hold int64")
	_, err = listOf[rowsRequest](func(*rowsResponse) []*pagev1.Item { return nil }, rowFields("texts")).Serve(t.Context(), nil, page.Slice(numbered(1)))
	fails(err, "texts does not hold *pagev1.Item")
	_, err = listOf[rowsRequest](func(*rowsResponse) []pagev1.Kind { return nil }, rowFields("numbers")).Serve(t.Context(), nil, page.Slice([]pagev1.Kind{1}))
	fails(err, "numbers does not hold pagev1.Kind")
	_, err = listOf[rowsRequest](func(*rowsResponse) []any { return nil }, rowFields("numbers")).Serve(t.Context(), nil, page.Slice([]any{1}))
	fails(err, "numbers does not hold")
	_, err = listOf[rowsRequest](func(*rowsResponse) []string { return nil }, rowFields("labels")).Serve(t.Context(), nil, page.Slice([]string{"a"}))
	fails(err, "labels is a map, not a list")
	_, err = listOf[struct{}](func(*rowsResponse) []string { return nil }, rowFields("texts")).Serve(t.Context(), nil, page.Slice([]string{"a"}))
	fails(err, "is not a message")
}
