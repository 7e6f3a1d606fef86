package search_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/search"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// itemService is what is generated for a service with two searches.
type itemService interface {
	Search(context.Context, *pagev1.ListItemsRequest) runtime.Stream[pagev1.Item]
	SearchPacked(context.Context, *pagev1.ListItemsRequest) runtime.Stream[pagev1.ListItemsResponse]
}

var (
	itemTable = runtime.NewService("page.v1.SearchService", pagev1.File_page_v1_page_proto,
		runtime.ServerStream("Search", itemService.Search, runtime.Policy{Auth: &runtime.Auth{Public: true}}),
		runtime.ServerStream("SearchPacked", itemService.SearchPacked, runtime.Policy{Auth: &runtime.Auth{Public: true}}))
	searchItems  = search.Of(itemTable.Methods()[0], itemService.Search, search.Fields{Limit: "page_size"})
	searchPacked = search.OfItems(itemTable.Methods()[1], itemService.SearchPacked, (*pagev1.ListItemsResponse).GetItems,
		search.Fields{Limit: "page_size", Items: "items"})
)

// finder implements itemService.
type finder struct {
	find func(context.Context) iter.Seq2[*pagev1.Item, error]
	opts []search.Option
}

func (f finder) Search(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.Item] {
	return searchItems.Serve(ctx, req, f.find(ctx), f.opts...)
}

func (f finder) SearchPacked(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.ListItemsResponse] {
	return searchPacked.Serve(ctx, req, f.find(ctx), f.opts...)
}

// itemClient is what is generated for the client.
type itemClient struct{ rows []*client.Method }

func (c itemClient) Search(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.Item] {
	return client.ServerStream[pagev1.Item](ctx, c.rows[0], req)
}

func (c itemClient) SearchPacked(ctx context.Context, req *pagev1.ListItemsRequest) runtime.Stream[pagev1.ListItemsResponse] {
	return client.ServerStream[pagev1.ListItemsResponse](ctx, c.rows[1], req)
}

// connect serves f in memory.
func connect(t *testing.T, f finder, opts ...server.Option) itemClient {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[itemService](r, itemTable, f) }, opts...)
	var c itemClient
	for _, info := range itemTable.Methods() {
		c.rows = append(c.rows, client.Bind(conn, info))
	}
	return c
}

// upTo finds the items 1 to n, then err, and counts in asked how many it was asked for.
func upTo(n int64, err error, asked *int64) func(context.Context) iter.Seq2[*pagev1.Item, error] {
	return func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			for id := int64(1); id <= n; id++ {
				if asked != nil {
					*asked = id
				}
				if !yield(&pagev1.Item{Id: id}, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
			}
		}
	}
}

// gather returns the IDs of results and the error they end with.
func gather(results iter.Seq2[*pagev1.Item, error]) (ids []int64, err error) {
	for item, failure := range results {
		if failure != nil {
			return ids, failure
		}
		ids = append(ids, item.GetId())
	}
	return ids, nil
}

// all runs both searches of s.
func all(ctx context.Context, s itemService, req *pagev1.ListItemsRequest) map[string]iter.Seq2[*pagev1.Item, error] {
	return map[string]iter.Seq2[*pagev1.Item, error]{
		"Search": searchItems.All(ctx, s, req), "SearchPacked": searchPacked.All(ctx, s, req),
	}
}

func TestSearchesStopAtTheLimit(t *testing.T) {
	for name, test := range map[string]struct {
		limit    int32
		maxLimit int
		want     int64
	}{
		"no limit":                      {0, 0, 500},
		"the request's":                 {7, 0, 7},
		"the policy's":                  {0, 9, 9},
		"the request's, below":          {7, 9, 7},
		"the request's, above":          {11, 9, 9},
		"as many as there are":          {500, 0, 500},
		"more than there are":           {501, 0, 500},
		"one of a pack":                 {1, 0, 1},
		"a pack and one":                {101, 0, 101},
		"a limit of the policy below 0": {0, -1, 500},
	} {
		var asked int64
		f := finder{upTo(500, nil, &asked), []search.Option{search.WithMaxLimit(test.maxLimit)}}
		for _, s := range []itemService{f, connect(t, f)} {
			for method, results := range all(t.Context(), s, &pagev1.ListItemsRequest{PageSize: test.limit}) {
				ids, err := gather(results)
				if err != nil || int64(len(ids)) != test.want || !slices.IsSorted(ids) || asked != test.want {
					t.Errorf("%s, %s: %d results of %d, and %v; want %d", name, method, len(ids), asked, err, test.want)
				}
			}
		}
	}
}

func TestNegativeLimitsAreRejected(t *testing.T) {
	f := finder{find: upTo(5, nil, nil)}
	for _, s := range []itemService{f, connect(t, f)} {
		for method, results := range all(t.Context(), s, &pagev1.ListItemsRequest{PageSize: -1}) {
			_, err := gather(results)
			violations := rpcerr.FieldViolations(err)
			if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != search.ReasonLimitInvalid ||
				len(violations) != 1 || violations[0].Field != "page_size" {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}

func TestErrorsFollowTheResultsBeforeThem(t *testing.T) {
	failed := status.Error(codes.Aborted, "the index is being rebuilt")
	f := finder{find: upTo(150, failed, nil)}
	for _, s := range []itemService{f, connect(t, f)} {
		for method, results := range all(t.Context(), s, new(pagev1.ListItemsRequest)) {
			ids, err := gather(results)
			if len(ids) != 150 || status.Code(err) != codes.Aborted {
				t.Errorf("%s: %d results and %v", method, len(ids), err)
			}
		}
	}
}

// TestPacksAreBounded holds how many results and bytes a response has.
func TestPacksAreBounded(t *testing.T) {
	named := func(sizes ...int) func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(context.Context) iter.Seq2[*pagev1.Item, error] {
			return func(yield func(*pagev1.Item, error) bool) {
				for _, size := range sizes {
					if !yield(&pagev1.Item{Name: strings.Repeat("n", size)}, nil) {
						return
					}
				}
			}
		}
	}
	for name, test := range map[string]struct {
		find func(context.Context) iter.Seq2[*pagev1.Item, error]
		opts []search.Option
		want []int
	}{
		"by default":          {upTo(250, nil, nil), nil, []int{100, 100, 50}},
		"by count":            {upTo(7, nil, nil), []search.Option{search.WithPackItems(3)}, []int{3, 3, 1}},
		"exactly full":        {upTo(6, nil, nil), []search.Option{search.WithPackItems(3)}, []int{3, 3}},
		"of one":              {upTo(3, nil, nil), []search.Option{search.WithPackItems(0)}, []int{1, 1, 1}},
		"by bytes":            {named(100, 100, 100, 100), []search.Option{search.WithPackBytes(220)}, []int{2, 2}},
		"a large one alone":   {named(10, 500, 10, 10), []search.Option{search.WithPackBytes(220)}, []int{1, 1, 2}},
		"large ones only":     {named(500, 500), []search.Option{search.WithPackBytes(220)}, []int{1, 1}},
		"without any results": {upTo(0, nil, nil), nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []int
			for resp, err := range (finder{test.find, test.opts}).SearchPacked(t.Context(), new(pagev1.ListItemsRequest)) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, len(resp.GetItems()))
				if size := proto.Size(resp); len(resp.GetItems()) > 1 && len(test.opts) > 0 && size > 220 {
					t.Errorf("%s: a response of %d bytes", name, size)
				}
				time.Sleep(time.Hour) // the next response fills meanwhile
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: responses of %v results, want %v", name, got, test.want)
			}
		})
	}
}

// TestResultsDoNotWaitLong holds when responses are sent that are not full.
func TestResultsDoNotWaitLong(t *testing.T) {
	for wait, want := range map[time.Duration][]string{
		20 * time.Millisecond: {"3 at 20ms", "1 at 120ms", "1 at 200ms"},
		0:                     {"1 at 0s", "1 at 5ms", "1 at 10ms", "1 at 100ms", "1 at 200ms"},
		time.Hour:             {"5 at 200ms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			at := func(moments ...time.Duration) iter.Seq2[*pagev1.Item, error] {
				return func(yield func(*pagev1.Item, error) bool) {
					for _, moment := range moments {
						time.Sleep(moment - time.Since(start))
						if !yield(new(pagev1.Item), nil) {
							return
						}
					}
				}
			}
			const ms = time.Millisecond
			var got []string
			for resp, err := range searchPacked.Serve(t.Context(), new(pagev1.ListItemsRequest), at(0, 5*ms, 10*ms, 100*ms, 200*ms), search.WithPackWait(wait)) {
				got = append(got, fmt.Sprintf("%d at %v", len(resp.GetItems()), time.Since(start)))
				if err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: %q, want %q", wait, got, want)
			}
		})
	}
}

// TestSearchesEndWithTheirReader checks that breaking at each point ends the search and its
// goroutine.
func TestSearchesEndWithTheirReader(t *testing.T) {
	servicetest.NoLeaks(t)
	ended := make(chan struct{}, 1)
	endless := func(ctx context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			defer func() { ended <- struct{}{} }()
			for yield(new(pagev1.Item), nil) {
			}
		}
	}
	f := finder{endless, []search.Option{search.WithPackItems(3)}}
	for _, s := range []itemService{f, connect(t, f)} {
		for at := range 10 {
			for method := range all(t.Context(), s, new(pagev1.ListItemsRequest)) {
				n := 0
				for _, err := range all(t.Context(), s, new(pagev1.ListItemsRequest))[method] {
					if err != nil {
						t.Fatal(err)
					}
					if n++; n > at {
						break
					}
				}
				select {
				case <-ended:
				case <-time.After(20 * time.Second):
					t.Fatalf("%s: the search goes on after %d results", method, at)
				}
			}
		}
	}
}

// TestSearchesEndWithTheirContext checks that a canceled call ends although the search waits.
func TestSearchesEndWithTheirContext(t *testing.T) {
	for _, method := range []string{"Search", "SearchPacked"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			f := finder{find: func(ctx context.Context) iter.Seq2[*pagev1.Item, error] {
				return func(yield func(*pagev1.Item, error) bool) {
					if yield(new(pagev1.Item), nil) {
						<-ctx.Done() // as a query of a database does
						yield(nil, ctx.Err())
					}
				}
			}}
			time.AfterFunc(time.Minute, cancel)
			ids, err := gather(all(ctx, f, new(pagev1.ListItemsRequest))[method])
			if len(ids) != 1 || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %d results and %v", method, len(ids), err)
			}
		})
	}
}

// TestAShutdownDoesNotMakeASearchComplete holds what the caller gets of a search that is cut off.
func TestAShutdownDoesNotMakeASearchComplete(t *testing.T) {
	for _, method := range []string{"Search", "SearchPacked"} {
		found := make(chan struct{})
		f := finder{opts: []search.Option{search.WithPackWait(0)}, find: func(ctx context.Context) iter.Seq2[*pagev1.Item, error] {
			return func(yield func(*pagev1.Item, error) bool) {
				if yield(new(pagev1.Item), nil) {
					close(found)
					<-ctx.Done()
				}
			}
		}}
		srv := server.New(server.WithDrainDelay(0), server.WithShutdownTimeout(10*time.Millisecond))
		server.Register[itemService](srv, itemTable, f)
		c := serveOn(t, srv)
		go func() {
			<-found
			_ = srv.Shutdown(context.Background())
		}()
		ids, err := gather(all(t.Context(), c, new(pagev1.ListItemsRequest))[method])
		if len(ids) != 1 || status.Code(err) != codes.Unavailable || rpcerr.ReasonOf(err) != rpcerr.ReasonDraining {
			t.Errorf("%s: %d results and %v", method, len(ids), err)
		}
	}
}

// TestPanicsOfASearchAreInternal checks that a panic in another goroutine ends the stream, too.
func TestPanicsOfASearchAreInternal(t *testing.T) {
	servicetest.NoLeaks(t)
	f := finder{find: func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			yield(new(pagev1.Item), nil)
			panic("boom")
		}
	}}
	for method, results := range all(t.Context(), connect(t, f), new(pagev1.ListItemsRequest)) {
		if _, err := gather(results); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestIteratorsThatGoOn checks that an iterator which yields after its end, in any goroutine, ends
// neither the process nor the responses of others.
func TestIteratorsThatGoOn(t *testing.T) {
	servicetest.NoLeaks(t)
	var wait sync.WaitGroup
	late := func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			over := make(chan struct{})
			wait.Go(func() {
				<-over
				time.Sleep(time.Millisecond)
				yield(new(pagev1.Item), nil)
			})
			defer close(over)
			yield(new(pagev1.Item), nil)
		}
	}
	deaf := func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			for {
				yield(new(pagev1.Item), nil)
			}
		}
	}
	for _, find := range []finder{{find: late}, {find: deaf, opts: []search.Option{search.WithMaxLimit(1)}}} {
		for _, s := range []itemService{find, connect(t, find)} {
			for method, results := range all(t.Context(), s, new(pagev1.ListItemsRequest)) {
				ids, err := gather(results)
				if want := find.opts != nil; len(ids) != 1 || (status.Code(err) == codes.Internal) != want {
					t.Errorf("%s: %v, %v", method, ids, err)
				}
			}
		}
	}
	wait.Wait()
}

func TestMisuse(t *testing.T) {
	info := itemTable.Methods()[1]
	items := (*pagev1.ListItemsResponse).GetItems
	for name, test := range map[string]struct {
		method *search.Method[itemService, pagev1.ListItemsRequest, pagev1.ListItemsResponse, *pagev1.Item]
		find   iter.Seq2[*pagev1.Item, error]
		want   string
	}{
		"no such limit": {search.OfItems(info, itemService.SearchPacked, items, search.Fields{Limit: "size", Items: "items"}), upTo(1, nil, nil)(nil), "no field size"},
		"not a number":  {search.OfItems(info, itemService.SearchPacked, items, search.Fields{Limit: "filter", Items: "items"}), upTo(1, nil, nil)(nil), "not an integer"},
		"no such items": {search.OfItems(info, itemService.SearchPacked, items, search.Fields{Items: "things"}), upTo(1, nil, nil)(nil), "no field things"},
		"not a list":    {search.OfItems(info, itemService.SearchPacked, items, search.Fields{Items: "next_page_token"}), upTo(1, nil, nil)(nil), "not a list"},
		"no iterator":   {searchPacked, nil, "nil iterator"},
		"a nil result":  {searchPacked, func(yield func(*pagev1.Item, error) bool) { yield(nil, nil) }, "a result is nil"},
	} {
		for _, err := range test.method.Serve(t.Context(), new(pagev1.ListItemsRequest), test.find) {
			if rpcerr.PublicStatus(err).Code() != codes.Internal || !strings.Contains(err.Error(), test.want) && !strings.Contains(fmt.Sprint(errors.Unwrap(err)), test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// rowService has searches of scalars.
type rowService interface {
	Search(context.Context, *pagev1.ListRowsRequest) runtime.Stream[pagev1.ListRowsResponse]
}

type rows func(context.Context, *pagev1.ListRowsRequest) runtime.Stream[pagev1.ListRowsResponse]

func (f rows) Search(ctx context.Context, req *pagev1.ListRowsRequest) runtime.Stream[pagev1.ListRowsResponse] {
	return f(ctx, req)
}

// TestResultsOfEveryType searches for what is not a message.
func TestResultsOfEveryType(t *testing.T) {
	info := runtime.NewMethodInfo("page.v1.RowService", "Search", runtime.KindServerStream, runtime.Policy{})
	rowsOfType(t, search.OfItems(info, rowService.Search, (*pagev1.ListRowsResponse).GetTexts, search.Fields{Limit: "limit", Items: "texts"}), "a", "", "c")
	rowsOfType(t, search.OfItems(info, rowService.Search, (*pagev1.ListRowsResponse).GetNumbers, search.Fields{Limit: "limit", Items: "numbers"}), 1, 0, -1)
	rowsOfType(t, search.OfItems(info, rowService.Search, (*pagev1.ListRowsResponse).GetKinds, search.Fields{Limit: "limit", Items: "kinds"}), pagev1.Kind_KIND_LARGE, 0, 1)
	rowsOfType(t, search.OfItems(info, rowService.Search, (*pagev1.ListRowsResponse).GetBlobs, search.Fields{Limit: "limit", Items: "blobs"}), []byte("a"), []byte{}, []byte("c"))
}

func rowsOfType[T any](t *testing.T, m *search.Method[rowService, pagev1.ListRowsRequest, pagev1.ListRowsResponse, T], values ...T) {
	t.Helper()
	s := rows(func(ctx context.Context, req *pagev1.ListRowsRequest) runtime.Stream[pagev1.ListRowsResponse] {
		return m.Serve(ctx, req, func(yield func(T, error) bool) {
			for _, value := range values {
				if !yield(value, nil) {
					return
				}
			}
		})
	})
	for limit, want := range [][]T{values, values[:1], values[:2], values} {
		var got []T
		for value, err := range m.All(t.Context(), s, &pagev1.ListRowsRequest{Limit: wrapperspb.UInt32(uint32(limit))}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, value)
		}
		if !slices.EqualFunc(got, want, func(a, b T) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// TestOpaqueMessages searches with messages of the opaque API.
func TestOpaqueMessages(t *testing.T) {
	type opaqueService interface {
		Search(context.Context, *pagev1.ListOpaqueRequest) runtime.Stream[pagev1.ListOpaqueResponse]
	}
	info := runtime.NewMethodInfo("page.v1.OpaqueService", "Search", runtime.KindServerStream, runtime.Policy{})
	m := search.OfItems(info, opaqueService.Search, (*pagev1.ListOpaqueResponse).GetItems, search.Fields{Limit: "page_size", Items: "items"})
	req := new(pagev1.ListOpaqueRequest)
	req.SetPageSize(2)
	var ids []int64
	for resp, err := range m.Serve(t.Context(), req, func(yield func(*pagev1.OpaqueItem, error) bool) {
		for id := int64(1); ; id++ {
			item := new(pagev1.OpaqueItem)
			item.SetId(id)
			if !yield(item, nil) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range resp.GetItems() {
			ids = append(ids, item.GetId())
		}
	}
	if !slices.Equal(ids, []int64{1, 2}) {
		t.Errorf("results %v", ids)
	}
}

// TestPacksOnTheWireAreWhole compares what arrives with what was found.
func TestPacksOnTheWireAreWhole(t *testing.T) {
	var want bytes.Buffer
	f := finder{find: func(context.Context) iter.Seq2[*pagev1.Item, error] {
		return func(yield func(*pagev1.Item, error) bool) {
			for id := range int64(2000) {
				fmt.Fprintln(&want, id)
				if !yield(&pagev1.Item{Id: id, Name: strings.Repeat("x", int(id%777))}, nil) {
					return
				}
			}
		}
	}}
	var got bytes.Buffer
	for item, err := range searchPacked.All(t.Context(), connect(t, f), new(pagev1.ListItemsRequest)) {
		if err != nil || len(item.GetName()) != int(item.GetId()%777) {
			t.Fatal(item.GetId(), err)
		}
		fmt.Fprintln(&got, item.GetId())
	}
	if got.String() != want.String() {
		t.Errorf("%d bytes of IDs arrived, %d were found", got.Len(), want.Len())
	}
}

// serveOn serves srv in memory, for a test that shuts it down.
func serveOn(t *testing.T, srv *server.Server) itemClient {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	go func() { _ = srv.Serve(context.Background(), lis) }() // ends with the shutdown
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var c itemClient
	for _, info := range itemTable.Methods() {
		c.rows = append(c.rows, client.Bind(conn, info))
	}
	return c
}
