package page_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// listing serves the items 1 to n, and keeps what it was asked.
type listing struct {
	n        int64
	requests []*pagev1.ListItemsRequest
}

func (l *listing) ListItems(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
	l.requests = append(l.requests, req)
	return listItems.Serve(ctx, req, byID(l.n, nil), page.WithTotal(func(context.Context) (int64, error) { return l.n, nil }))
}

// idsIn collects the ids of a range.
func idsIn(seq iter.Seq2[*pagev1.Item, error]) (ids []int64, err error) {
	for item, err := range seq {
		if err != nil {
			return ids, err
		}
		ids = append(ids, item.GetId())
	}
	return ids, nil
}

func TestAllRangesOverAllPages(t *testing.T) {
	req := &pagev1.ListItemsRequest{Filter: "x", Skip: 2, PageSize: 3}
	before := proto.CloneOf(req)
	for _, opts := range [][]page.ReadOption{nil, {page.WithPrefetch(1)}, {page.WithPrefetch(5)}, {page.WithMaxPages(4)}} {
		svc := &listing{n: 12}
		all := listItems.All(t.Context(), svc, req, opts...)
		for range 2 { // each range is a new one
			if got, err := idsIn(all); err != nil || !slices.Equal(got, idsFrom(3, 12)) {
				t.Errorf("got %v, %v", got, err)
			}
		}
		if len(svc.requests) != 8 {
			t.Errorf("%d calls, want 4 for each of two ranges", len(svc.requests))
		}
		if !proto.Equal(req, before) {
			t.Errorf("the caller's request has become %v", req)
		}
	}
}

// TestEachPageIsARequestOfItsOwn checks that it has its own message, id and token, and the same
// arguments.
func TestEachPageIsARequestOfItsOwn(t *testing.T) {
	for _, id := range []string{"", "mine"} {
		svc := &listing{n: 9}
		if _, err := idsIn(listItems.All(t.Context(), svc, &pagev1.ListItemsRequest{Filter: "x", Skip: 1, PageSize: 4, RequestId: id})); err != nil {
			t.Fatal(err)
		}
		if len(svc.requests) != 2 {
			t.Fatalf("%d calls", len(svc.requests))
		}
		first, second := svc.requests[0], svc.requests[1]
		if first == second || first.GetRequestId() == second.GetRequestId() || first.GetSkip() != 1 || second.GetSkip() != 0 ||
			first.GetPageToken() != "" || second.GetPageToken() == "" || second.GetFilter() != "x" || second.GetPageSize() != 4 {
			t.Errorf("got %v, then %v", first, second)
		}
		if id != "" && first.GetRequestId() != id || id == "" && !uuid.IsV4(first.GetRequestId()) || !uuid.IsV4(second.GetRequestId()) {
			t.Errorf("idempotency keys %q, then %q", first.GetRequestId(), second.GetRequestId())
		}
	}
}

func TestPagesHaveWhatTheResponseHas(t *testing.T) {
	svc := &listing{n: 7}
	var sizes []int
	var last *page.Page[*pagev1.Item, pagev1.ListItemsResponse]
	for p, err := range listItems.Pages(t.Context(), svc, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Total != 7 || p.NextToken != p.Response.GetNextPageToken() || !slices.Equal(p.Items, p.Response.GetItems()) {
			t.Errorf("got %+v", p)
		}
		sizes = append(sizes, len(p.Items))
		last = p
	}
	if !slices.Equal(sizes, []int{5, 2}) || last.NextToken != "" {
		t.Errorf("got pages of %v, and then the token %q", sizes, last.NextToken)
	}
}

// TestAnEmptyPageIsNotTheEnd checks that only a missing token is.
func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	answers := []*pagev1.ListItemsResponse{{NextPageToken: "a"}, {Items: numbered(1), NextPageToken: "b"}, {NextPageToken: "c"}, {NextPageToken: "a"}, {Items: []*pagev1.Item{item(2)}}}
	i := 0
	svc := items(func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		i++
		return answers[i-1], nil
	})
	if got, err := idsIn(listItems.All(t.Context(), svc, nil)); err != nil || !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestATokenThatComesTwiceIsAnError(t *testing.T) {
	calls := 0
	svc := items(func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		calls++
		return &pagev1.ListItemsResponse{Items: numbered(1), NextPageToken: "same"}, nil
	})
	got, err := idsIn(listItems.All(t.Context(), svc, nil))
	if !errors.Is(err, page.ErrTokenRepeated) || !strings.HasPrefix(err.Error(), itemMethod) || len(got) != 1 || calls != 2 {
		t.Errorf("got %v, %v after %d calls", got, err, calls)
	}
}

// TestCirclesOfPagesEnd serves pages that lead into circles, with and without a way to them.
func TestCirclesOfPagesEnd(t *testing.T) {
	for before := range 6 {
		for length := 1; length < 6; length++ {
			calls := 0
			svc := items(func(_ context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
				if calls++; calls > 100 {
					return nil, errors.New("too many calls")
				}
				at, _ := strconv.Atoi(req.GetPageToken())
				if at++; at > before+length {
					at = before + 1
				}
				return &pagev1.ListItemsResponse{Items: numbered(int64(at)), NextPageToken: strconv.Itoa(at)}, nil
			})
			_, err := idsIn(listItems.All(t.Context(), svc, nil))
			if !errors.Is(err, page.ErrTokenRepeated) || calls > 3*(before+length)+1 {
				t.Errorf("a circle of %d pages after %d: %v after %d calls", length, before, err, calls)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		limit int
		size  int32
		sizes []int32 // of the requests
	}{
		{1, 0, []int32{1}},
		{5, 0, []int32{0}}, // the default
		{7, 0, []int32{0, 2}},
		{8, 4, []int32{4, 4}},
		{9, 4, []int32{4, 4, 1}},
		{99, 50, []int32{50}},
	} {
		svc := &listing{n: 20}
		req := &pagev1.ListItemsRequest{PageSize: test.size}
		got, err := idsIn(listItems.All(t.Context(), svc, req, page.WithLimit(test.limit)))
		if want := min(test.limit, 20); err != nil || !slices.Equal(got, idsFrom(1, int64(want))) {
			t.Errorf("limit %d: got %v, %v", test.limit, got, err)
		}
		var sizes []int32
		for _, r := range svc.requests {
			sizes = append(sizes, r.GetPageSize())
		}
		if !slices.Equal(sizes, test.sizes) {
			t.Errorf("limit %d: pages of %v were asked for, want %v", test.limit, sizes, test.sizes)
		}
	}
}

// TestALimitHoldsOverServersThatGiveMore checks this for items; pages come whole, so that their
// token is right.
func TestALimitHoldsOverServersThatGiveMore(t *testing.T) {
	svc := items(func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		return &pagev1.ListItemsResponse{Items: numbered(9), NextPageToken: "more"}, nil
	})
	if got, err := idsIn(listItems.All(t.Context(), svc, nil, page.WithLimit(4))); err != nil || len(got) != 4 {
		t.Errorf("got %v, %v", got, err)
	}
	pages := 0
	for p, err := range listItems.Pages(t.Context(), svc, nil, page.WithLimit(4)) {
		if pages++; err != nil || len(p.Items) != 9 || p.NextToken != "more" {
			t.Errorf("got %v, %v", p, err)
		}
	}
	if pages != 1 {
		t.Errorf("%d pages", pages)
	}
}

func TestMorePagesThanExpectedAreAnError(t *testing.T) {
	got, err := idsIn(listItems.All(t.Context(), &listing{n: 11}, nil, page.WithMaxPages(2)))
	if !errors.Is(err, page.ErrMorePages) || !strings.Contains(err.Error(), "more pages than 2") || len(got) != 10 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err = idsIn(listItems.All(t.Context(), &listing{n: 10}, nil, page.WithMaxPages(2))); err != nil || len(got) != 10 {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestReadingGoesOnFromAToken checks that a list is read whole in parts.
func TestReadingGoesOnFromAToken(t *testing.T) {
	svc := &listing{n: 23}
	var got []int64
	token := ""
	for range 5 {
		req := &pagev1.ListItemsRequest{PageToken: "overridden", Skip: 2} // which are skipped once
		for p, err := range listItems.Pages(t.Context(), svc, req, page.WithPageToken(token)) {
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range p.Items {
				got = append(got, item.GetId())
			}
			token = p.NextToken
			break
		}
	}
	if !slices.Equal(got, idsFrom(3, 23)) || token != "" {
		t.Errorf("got %v, then the token %q", got, token)
	}
}

func TestErrorsEndTheLoop(t *testing.T) {
	for _, opts := range [][]page.ReadOption{nil, {page.WithPrefetch(2)}} {
		calls := 0
		svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			if calls++; calls == 3 {
				return nil, errFailed
			}
			return listItems.Serve(ctx, req, byID(99, nil))
		})
		got, err := idsIn(listItems.All(t.Context(), svc, nil, opts...))
		if err != errFailed || len(got) != 10 || calls != 3 {
			t.Errorf("got %v, %v after %d calls", got, err, calls)
		}
		nothing := items(func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) { return nil, nil })
		if _, err := idsIn(listItems.All(t.Context(), nothing, nil, opts...)); err == nil || !strings.Contains(err.Error(), "neither a response nor an error") {
			t.Errorf("got %v", err)
		}
	}
}

// TestPrefetchWorksAhead holds how many pages are fetched before they are wanted, and that breaking
// out leaves nothing running.
func TestPrefetchWorksAhead(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5} {
		synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
			calls, ended := 0, 0
			svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
				calls++
				defer func() { ended++ }()
				return listItems.Serve(ctx, req, byID(1000, nil))
			})
			for range listItems.Pages(t.Context(), svc, nil, page.WithPrefetch(n)) {
				synctest.Wait()
				if calls != 1+n {
					t.Errorf("Prefetch(%d): %d pages are fetched where one is used", n, calls)
				}
				break
			}
			if calls != ended {
				t.Errorf("Prefetch(%d): a call runs on", n)
			}
		})
	}
}

// TestBreakingCancelsThePageThatIsOnItsWay checks that a loop does not wait for a page that nobody
// wants.
func TestBreakingCancelsThePageThatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancelled := false
		svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
			if req.GetPageToken() != "" {
				<-ctx.Done()
				cancelled = true
				return nil, ctx.Err()
			}
			return listItems.Serve(ctx, req, byID(1000, nil))
		})
		for range listItems.All(t.Context(), svc, nil, page.WithPrefetch(3)) {
			break
		}
		if !cancelled {
			t.Error("the second page was not cancelled, or not waited for")
		}
	})
}

// TestALoopWhoseContextEndsFails checks that a list that was cut off never looks like one that has
// ended.
func TestALoopWhoseContextEndsFails(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
				time.Sleep(100 * time.Millisecond)
				if ctx.Err() != nil {
					return nil, status.FromContextError(ctx.Err()).Err()
				}
				return listItems.Serve(ctx, req, byID(1e6, nil))
			})
			for _, opt := range []page.ReadOption{page.WithPrefetch(0), page.WithPrefetch(1), page.WithPrefetch(3)} {
				var last error
				for _, err := range listItems.Pages(ctx, svc, nil, opt) {
					time.Sleep(70 * time.Millisecond)
					last = err
				}
				if status.Code(last) != codes.DeadlineExceeded {
					t.Errorf("the loop ended with %v", last)
				}
			}
		})
	}
}

// TestAPanicIsOneOfTheLoop checks that a panic of a page that is fetched ahead is recovered by who
// ranges.
func TestAPanicIsOneOfTheLoop(t *testing.T) {
	svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		if req.GetPageToken() != "" {
			panic("boom")
		}
		return listItems.Serve(ctx, req, byID(99, nil))
	})
	for _, opt := range []page.ReadOption{page.WithPrefetch(0), page.WithPrefetch(1)} {
		got := func() (value any) {
			defer func() { value = recover() }()
			_, _ = idsIn(listItems.All(t.Context(), svc, nil, opt))
			return nil
		}()
		if got != "boom" {
			t.Errorf("recovered %v", got)
		}
	}
}

// TestAPanicOfTheLoopLeavesNothing checks that its body may panic.
func TestAPanicOfTheLoopLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if value := recover(); value != "body" {
				t.Errorf("recovered %v", value)
			}
		}()
		for range listItems.All(t.Context(), &listing{n: 99}, nil, page.WithPrefetch(2)) {
			panic("body")
		}
	})
}

func TestAGoroutineThatIsEndedIsAnError(t *testing.T) {
	svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		runtimeGoexit()
		return nil, nil
	})
	if _, err := idsIn(listItems.All(t.Context(), svc, nil, page.WithPrefetch(1))); err == nil || !strings.Contains(err.Error(), "goroutine") {
		t.Errorf("got %v", err)
	}
}

func TestCollect(t *testing.T) {
	all := listItems.All(t.Context(), &listing{n: 12}, nil)
	if got, err := page.Collect(all, 12); err != nil || len(got) != 12 {
		t.Errorf("got %v, %v", got, err)
	}
	got, err := page.Collect(all, 11)
	if !errors.Is(err, page.ErrMoreItems) || len(got) != 11 || fmt.Sprint(err) != "page: there are more items than 11" {
		t.Errorf("got %v, %v", got, err)
	}
	broken := items(func(context.Context, *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		return nil, errFailed
	})
	if got, err := page.Collect(listItems.All(t.Context(), broken, nil), 11); err != errFailed || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
