package page_test

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func TestSizes(t *testing.T) {
	for name, test := range map[string]struct{ size, limit int32 }{
		"none is the default":          {0, 6},
		"what is asked for":            {7, 8},
		"one":                          {1, 2},
		"the highest":                  {100, 101},
		"more than the highest is cut": {101, 101},
		"much more":                    {math.MaxInt32, 101},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []int
			resp := serve(t, byID(1000, &asked), &pagev1.ListItemsRequest{PageSize: test.size})
			wantIDs(t, resp, 1, int64(test.limit)-1)
			if len(asked) != 1 || asked[0] != int(test.limit) {
				t.Errorf("rows were asked for with the limits %v, want %d", asked, test.limit)
			}
		})
	}
}

// TestPoliciesWrittenByHand checks that sizes that no option could have are none that anything is
// cut at.
func TestPoliciesWrittenByHand(t *testing.T) {
	for name, test := range map[string]struct {
		limits runtime.Page
		want   int64 // items on a first page
	}{
		"as much as there is": {runtime.Page{DefaultSize: math.MaxInt, MaxSize: math.MaxInt}, 99},
		"a negative default":  {runtime.Page{DefaultSize: -1, MaxSize: 10}, 10},
		"negative both":       {runtime.Page{DefaultSize: -1, MaxSize: -1}, 50},
	} {
		t.Run(name, func(t *testing.T) {
			info := runtime.MethodInfo{FullMethod: itemMethod, Policy: runtime.Policy{Page: test.limits}}
			method := page.Of(info, itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, itemFields)
			for kind, source := range sources(99) {
				if kind == "cursor" { // which is one that gives fewer
					continue
				}
				if resp, err := method.Serve(t.Context(), nil, source); err != nil || len(resp.GetItems()) != int(test.want) {
					t.Errorf("%s: got %d items, %v; want %d", kind, len(resp.GetItems()), err, test.want)
				}
			}
		})
	}
}

// TestRequestsAreComparedWithinLimits checks that neither a deadline nor a size is passed over when
// a token is bound.
func TestRequestsAreComparedWithinLimits(t *testing.T) {
	source := page.Offset(func(context.Context, int64, int) ([]*pagev1.Item, error) {
		t.Error("the source is asked")
		return nil, nil
	})
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := listItems.Serve(done, &pagev1.ListItemsRequest{}, source); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context is canceled", err)
	}
	_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{Filter: strings.Repeat("x", digest.MaxSize)}, source)
	if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != rpcerr.ReasonRequestTooLarge {
		t.Errorf("got %v, want RESOURCE_EXHAUSTED, REQUEST_TOO_LARGE", err)
	}
}

func TestNegativeNumbersAreRejected(t *testing.T) {
	for _, negative := range []int32{-1, math.MinInt32} {
		_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageSize: negative}, byID(9, nil))
		wantInvalid(t, err, "page_size", page.ReasonSizeInvalid)
		_, err = listItems.Serve(t.Context(), &pagev1.ListItemsRequest{Skip: negative}, byID(9, nil))
		wantInvalid(t, err, "skip", page.ReasonSkipInvalid)
	}
}

func TestANilRequestIsAnEmptyOne(t *testing.T) { wantIDs(t, serve(t, byID(9, nil), nil), 1, 5) }

// TestTheSizeMayChangeBetweenPages holds what AIP-158 says of it.
func TestTheSizeMayChangeBetweenPages(t *testing.T) {
	req := &pagev1.ListItemsRequest{Filter: "x"}
	next := int64(1)
	for _, size := range []int32{1, 100, 2, 0, 7} {
		req.PageSize = size
		resp := serve(t, byID(1000, nil), req)
		last := next + int64(size) - 1
		if size == 0 {
			last = next + 4
		}
		wantIDs(t, resp, next, last)
		next, req.PageToken = last+1, resp.GetNextPageToken()
	}
}

func TestTheEndHasNoToken(t *testing.T) {
	for n, more := range map[int64]bool{0: false, 1: false, 4: false, 5: false, 6: true} {
		resp := serve(t, byID(n, nil), &pagev1.ListItemsRequest{})
		wantIDs(t, resp, 1, min(n, 5))
		if (resp.GetNextPageToken() != "") != more {
			t.Errorf("of %d items the first page has the token %q", n, resp.GetNextPageToken())
		}
	}
}

// otherList is a method of the same messages.
var otherList = page.Of(runtime.MethodInfo{FullMethod: "/page.v1.ItemService/SearchItems"}, itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, itemFields)

func TestTokensThatAreNotOfTheRequest(t *testing.T) {
	full := func() *pagev1.ListItemsRequest {
		return &pagev1.ListItemsRequest{Parent: "p", Filter: "f", OrderBy: "o", Ids: []int64{1}, Labels: map[string]string{"a": "1"}, Created: &pagev1.Range{From: 1, To: 2}}
	}
	token := serve(t, byID(9, nil), full()).GetNextPageToken()
	foreign, err := otherList.Serve(t.Context(), full(), byID(99, nil))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	for name, test := range map[string]struct {
		change func(*pagev1.ListItemsRequest)
		reason rpcerr.Reason
	}{
		"garbage":        {func(r *pagev1.ListItemsRequest) { r.PageToken = "garbage" }, page.ReasonTokenInvalid},
		"an offset":      {func(r *pagev1.ListItemsRequest) { r.PageToken = "5" }, page.ReasonTokenInvalid},
		"cut":            {func(r *pagev1.ListItemsRequest) { r.PageToken = token[:len(token)-1] }, page.ReasonTokenInvalid},
		"forged":         {func(r *pagev1.ListItemsRequest) { r.PageToken = base64.RawURLEncoding.EncodeToString(raw) }, page.ReasonTokenInvalid},
		"another method": {func(r *pagev1.ListItemsRequest) { r.PageToken = foreign.GetNextPageToken() }, page.ReasonTokenInvalid},
		"another server": {func(r *pagev1.ListItemsRequest) {
			r.PageToken = seal.Random().Seal(itemMethod, seal.Binding{}, time.Time{}, nil)
		}, page.ReasonTokenInvalid},
		"another filter":  {func(r *pagev1.ListItemsRequest) { r.Filter = "g" }, page.ReasonTokenMismatch},
		"no filter":       {func(r *pagev1.ListItemsRequest) { r.Filter = "" }, page.ReasonTokenMismatch},
		"another order":   {func(r *pagev1.ListItemsRequest) { r.OrderBy = "o desc" }, page.ReasonTokenMismatch},
		"another parent":  {func(r *pagev1.ListItemsRequest) { r.Parent = "q" }, page.ReasonTokenMismatch},
		"more":            {func(r *pagev1.ListItemsRequest) { r.ShowDeleted = true }, page.ReasonTokenMismatch},
		"another list":    {func(r *pagev1.ListItemsRequest) { r.Ids = []int64{1, 2} }, page.ReasonTokenMismatch},
		"another map":     {func(r *pagev1.ListItemsRequest) { r.Labels["a"] = "2" }, page.ReasonTokenMismatch},
		"inside":          {func(r *pagev1.ListItemsRequest) { r.Created.To = 3 }, page.ReasonTokenMismatch},
		"size":            {func(r *pagev1.ListItemsRequest) { r.PageSize = 2 }, ""},
		"skip":            {func(r *pagev1.ListItemsRequest) { r.Skip = 1 }, ""},
		"idempotency key": {func(r *pagev1.ListItemsRequest) { r.RequestId = "another" }, ""},
		"may vary":        {func(r *pagev1.ListItemsRequest) { r.Trace = "t" }, ""},
		"may vary inside": {func(r *pagev1.ListItemsRequest) { r.Created.From = 9 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			req := full()
			req.PageToken = token
			test.change(req)
			_, err := listItems.Serve(t.Context(), req, byID(9, nil))
			if test.reason != "" {
				wantInvalid(t, err, "page_token", test.reason)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

const itemMethod = "/page.v1.ItemService/ListItems"

func TestTokensExpireWithThePolicy(t *testing.T) {
	forever := itemTable.Methods()[0]
	forever.Policy.Page.TokenTTL = -1
	always := page.Of(forever, itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, itemFields)
	synctest.Test(t, func(t *testing.T) {
		hour := serve(t, byID(9, nil), &pagev1.ListItemsRequest{}).GetNextPageToken()
		resp, err := always.Serve(t.Context(), &pagev1.ListItemsRequest{}, byID(9, nil))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		wantIDs(t, serve(t, byID(9, nil), &pagev1.ListItemsRequest{PageToken: hour}), 6, 9)
		time.Sleep(time.Second)
		_, err = listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: hour}, byID(9, nil))
		wantInvalid(t, err, "page_token", page.ReasonTokenExpired)
		time.Sleep(1e6 * time.Hour)
		if _, err = always.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: resp.GetNextPageToken()}, byID(9, nil)); err != nil {
			t.Error(err)
		}
	})
}

// TestMapsInRequestsAreOneRequest checks that the order in which Go writes a map does not break
// tokens.
func TestMapsInRequestsAreOneRequest(t *testing.T) {
	req := &pagev1.ListItemsRequest{Labels: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"}}
	for range 100 {
		req.PageToken = serve(t, byID(1e6, nil), req).GetNextPageToken()
	}
}

func TestTotals(t *testing.T) {
	count := func(n int64, err error) func(context.Context) (int64, error) {
		return func(context.Context) (int64, error) { return n, err }
	}
	req := &pagev1.ListItemsRequest{}
	for name, test := range map[string]struct {
		opt  page.Option
		want int32
	}{
		"not asked for":     {page.WithTotalIf(false, count(0, errFailed)), 0},
		"asked for":         {page.WithTotalIf(true, count(7, nil)), 7},
		"counted":           {page.WithTotal(count(42, nil)), 42},
		"more than a int32": {page.WithTotal(count(1<<40, nil)), math.MaxInt32},
	} {
		if got := serve(t, byID(9, nil), req, test.opt).GetTotalSize(); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
	if _, err := listItems.Serve(t.Context(), req, byID(9, nil), page.WithTotal(count(0, errFailed))); !errors.Is(err, errFailed) {
		t.Errorf("got %v", err)
	}
	_, err := listItems.Serve(t.Context(), req, byID(9, nil), page.WithTotal(count(-1, nil)))
	wantInternal(t, err, "the total is -1")
	if got := serve(t, page.Slice(numbered(9)), req).GetTotalSize(); got != 9 {
		t.Errorf("of a slice of 9 the total is %d", got)
	}
	fields := itemFields
	fields.Total = ""
	without := page.Of(itemTable.Methods()[0], itemService.ListItems, (*pagev1.ListItemsResponse).GetItems, fields)
	if _, err := without.Serve(t.Context(), req, byID(9, nil), page.WithTotal(count(0, errFailed))); err != nil {
		t.Errorf("a response without a total was counted: %v", err)
	}
}

func TestErrorsOfRowsAreReturnedAsTheyAre(t *testing.T) {
	for name, source := range map[string]page.Source[*pagev1.Item]{
		"keyset": page.Keyset(func(context.Context, *int64, int) ([]*pagev1.Item, error) { return nil, errFailed }, (*pagev1.Item).GetId),
		"offset": page.Offset(func(context.Context, int64, int) ([]*pagev1.Item, error) { return nil, errFailed }),
		"cursor": page.Cursor(func(context.Context, string, int) ([]*pagev1.Item, string, error) { return nil, "", errFailed }),
	} {
		if resp, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{Skip: 200}, source); err != errFailed || resp != nil {
			t.Errorf("%s: got %v, %v", name, resp, err)
		}
	}
}

// TestBindings checks that tokens are bound to what else a list depends on.
func TestBindings(t *testing.T) {
	token := serve(t, byID(9, nil), nil, page.WithBinding("tenant 1", "x")).GetNextPageToken()
	serve(t, byID(9, nil), &pagev1.ListItemsRequest{PageToken: token}, page.WithBinding("tenant 1"), page.WithBinding("x"))
	for _, other := range [][]page.Option{nil, {page.WithBinding("tenant 2", "x")}, {page.WithBinding("tenant 1")}, {page.WithBinding("tenant 1x")}, {page.WithBinding("tenant 1", "x", "")}} {
		_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: token}, byID(9, nil), other...)
		wantInvalid(t, err, "page_token", page.ReasonTokenMismatch)
	}
}

// byUser takes the caller's name for what it is.
var byUser = server.WithAuthenticator(server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	return runtime.NewPrincipal(metadata.ValueFromIncomingContext(ctx, "user")[0]), nil
}))

func TestTokensOfAPrincipal(t *testing.T) {
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		server.Register[itemService](r, itemTable, items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			return listItems.Serve(ctx, req, byID(99, nil), page.WithPrincipalBinding())
		}))
	}, byUser, quiet)
	list := func(user, token string) (*pagev1.ListItemsResponse, error) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "user", user)
		return client.Unary[pagev1.ListItemsResponse](ctx, client.Bind(conn, itemTable.Methods()[0]), &pagev1.ListItemsRequest{PageToken: token})
	}
	first, err := list("ada", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list("ada", first.GetNextPageToken()); err != nil {
		t.Error(err)
	}
	_, err = list("eve", first.GetNextPageToken())
	wantInvalid(t, err, "page_token", page.ReasonTokenMismatch)
}

// TestTheServersPolicyAndKeysCount checks that a call has the limits and the keys of its server, of
// which there may be many.
func TestTheServersPolicyAndKeysCount(t *testing.T) {
	keys := []seal.Key{seal.NewKey([]byte("0123456789abcdef")), seal.NewKey([]byte("fedcba9876543210"))}
	serveItems := func(opts ...server.Option) itemService {
		conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			server.Register[itemService](r, itemTable, items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
				return listItems.Serve(ctx, req, byID(99, nil))
			}))
		}, append(opts, quiet)...)
		stub := client.Bind(conn, itemTable.Methods()[0])
		return items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			return client.Unary[pagev1.ListItemsResponse](ctx, stub, req)
		})
	}
	list := func(svc itemService, token string) (*pagev1.ListItemsResponse, error) {
		return svc.ListItems(t.Context(), &pagev1.ListItemsRequest{PageToken: token})
	}
	before, after := serveItems(server.WithTokenKeys(keys[0])), serveItems(server.WithTokenKeys(keys[1], keys[0]),
		server.WithPolicy([]byte(`{"page.v1.ItemService/ListItems": {"page": {"defaultSize": 3}}}`)))
	first, err := list(before, "")
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, first, 1, 5)
	second, err := list(after, first.GetNextPageToken()) // another replica, which has the new key already
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, second, 6, 8)
	_, err = list(before, second.GetNextPageToken())
	wantInvalid(t, err, "page_token", page.ReasonTokenInvalid)
	_, err = list(serveItems(), first.GetNextPageToken())
	wantInvalid(t, err, "page_token", page.ReasonTokenInvalid)
}

// TestACallOfAnotherMethodHasItsOwnPolicy checks that a helper that is called from elsewhere keeps
// to its own limits.
func TestACallOfAnotherMethodHasItsOwnPolicy(t *testing.T) {
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		server.Register[itemService](r, itemTable, items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			return otherList.Serve(ctx, req, byID(99, nil))
		}))
	}, quiet)
	resp, err := client.Unary[pagev1.ListItemsResponse](t.Context(), client.Bind(conn, itemTable.Methods()[0]), &pagev1.ListItemsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, resp, 1, 50)
}
