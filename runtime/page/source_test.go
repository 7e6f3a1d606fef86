package page_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// byOffset is the Offset source of the items 1 to n, which notes in asked where it was asked and
// for how many.
func byOffset(n int64, asked *[]string) page.Source[*pagev1.Item] {
	return page.Offset(func(_ context.Context, offset int64, limit int) (rows []*pagev1.Item, _ error) {
		if asked != nil {
			*asked = append(*asked, fmt.Sprintf("%d+%d", offset, limit))
		}
		for id := min(offset, n) + 1; id <= n && len(rows) < limit; id++ {
			rows = append(rows, item(id))
		}
		return rows, nil
	})
}

// byCursor is a Cursor source of the items 1 to n, of which at most most come at a time and none
// every third time.
func byCursor(n int64, most int) page.Source[*pagev1.Item] {
	calls := 0
	return page.Cursor(func(_ context.Context, cursor string, limit int) (rows []*pagev1.Item, _ string, _ error) {
		calls++
		at, _ := strconv.ParseInt(cursor, 10, 64)
		if calls%3 == 0 && cursor != "" && cursor[0] != '0' {
			return nil, "0" + cursor, nil // another cursor, and nothing yet
		}
		for id := at + 1; id <= n && len(rows) < min(limit, most); id++ {
			rows = append(rows, item(id))
			at = id
		}
		if at == n {
			return rows, "", nil
		}
		return rows, strconv.FormatInt(at, 10), nil
	})
}

// sources are all kinds of them, of the items 1 to n.
func sources(n int64) map[string]page.Source[*pagev1.Item] {
	return map[string]page.Source[*pagev1.Item]{
		"keyset": byID(n, nil), "offset": byOffset(n, nil), "slice": page.Slice(numbered(n)), "cursor": byCursor(n, 7),
	}
}

// TestEverySourceIsReadWhole reads lists of every size with pages of every size, and what is
// skipped first.
func TestEverySourceIsReadWhole(t *testing.T) {
	for n := range int64(23) {
		for _, skip := range []int64{0, 1, 5, n, n + 1} {
			for size := range int32(24) {
				for name, source := range sources(n) {
					svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
						return listItems.Serve(ctx, req, source)
					})
					var got []int64
					for item, err := range listItems.All(t.Context(), svc, &pagev1.ListItemsRequest{PageSize: size, Skip: int32(skip)}) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, item.GetId())
					}
					if want := idsFrom(skip+1, n); !slices.Equal(got, want) {
						t.Fatalf("%s of %d, pages of %d, %d skipped: got %v", name, n, size, skip, got)
					}
				}
			}
		}
	}
}

func idsFrom(first, last int64) (ids []int64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// TestSkippingCountsFromTheToken holds what AIP-158 says of a request that has both.
func TestSkippingCountsFromTheToken(t *testing.T) {
	for name, source := range map[string]page.Source[*pagev1.Item]{
		"keyset": byID(40, nil), "offset": byOffset(40, nil), "slice": page.Slice(numbered(40)), "cursor": byCursor(40, 100),
	} {
		t.Run(name, func(t *testing.T) {
			first := serve(t, source, &pagev1.ListItemsRequest{})
			second := serve(t, source, &pagev1.ListItemsRequest{PageToken: first.GetNextPageToken(), Skip: 10, PageSize: 3})
			if ids := second.GetItems(); len(ids) > 0 { // a cursor may have nothing yet
				wantIDs(t, second, 16, 18)
			} else if name != "cursor" {
				t.Error("the page is empty")
			}
			for _, skip := range []int32{35, 36, math.MaxInt32} {
				past := serve(t, source, &pagev1.ListItemsRequest{PageToken: first.GetNextPageToken(), Skip: skip})
				if len(past.GetItems()) > 0 || past.GetNextPageToken() != "" {
					t.Errorf("past the end there is %v", past)
				}
			}
		})
	}
}

// TestSkippingIsBounded checks how much is read for a request that skips as much as it can say.
func TestSkippingIsBounded(t *testing.T) {
	var rows, reads int
	count := func(n int) { rows, reads = rows+n, reads+1 }
	endless := func(after int64, limit int) (items []*pagev1.Item) {
		for range limit {
			after++
			items = append(items, item(after))
		}
		count(limit)
		return items
	}
	for name, source := range map[string]page.Source[*pagev1.Item]{
		"keyset": page.Keyset(func(_ context.Context, after *int64, limit int) ([]*pagev1.Item, error) {
			if after == nil {
				return endless(0, limit), nil
			}
			return endless(*after, limit), nil
		}, (*pagev1.Item).GetId),
		"cursor": page.Cursor(func(_ context.Context, at string, limit int) ([]*pagev1.Item, string, error) {
			return endless(0, limit), at + ".", nil
		}),
		"cursor of empty pages": page.Cursor(func(_ context.Context, at string, limit int) ([]*pagev1.Item, string, error) {
			count(0)
			return nil, at + ".", nil
		}),
	} {
		t.Run(name, func(t *testing.T) {
			rows, reads = 0, 0
			_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{Skip: math.MaxInt32}, source)
			wantInvalid(t, err, "skip", page.ReasonSkipInvalid)
			if rows > page.MaxSkip || reads > 100 {
				t.Errorf("%d rows in %d reads, at most %d in 100", rows, reads, page.MaxSkip)
			}
		})
	}
	var asked []int
	wantIDs(t, serve(t, byID(page.MaxSkip+3, &asked), &pagev1.ListItemsRequest{Skip: page.MaxSkip, PageSize: 2}), page.MaxSkip+1, page.MaxSkip+2)
}

// TestMuchIsSkippedInParts checks that a caller cannot have more rows loaded at a time than two
// pages and one.
func TestMuchIsSkippedInParts(t *testing.T) {
	var asked []int
	wantIDs(t, serve(t, byID(1000, &asked), &pagev1.ListItemsRequest{Skip: 250, PageSize: 10}), 251, 260)
	if !slices.Equal(asked, []int{100, 100, 61}) {
		t.Errorf("rows were asked for with the limits %v", asked)
	}
	asked = nil
	wantIDs(t, serve(t, byID(1000, &asked), &pagev1.ListItemsRequest{Skip: 100, PageSize: 100}), 101, 200)
	if !slices.Equal(asked, []int{201}) {
		t.Errorf("rows were asked for with the limits %v", asked)
	}
	asked = nil
	serve(t, byID(150, &asked), &pagev1.ListItemsRequest{Skip: math.MaxInt32})
	if !slices.Equal(asked, []int{100, 100}) {
		t.Errorf("rows were asked for with the limits %v", asked)
	}
}

// TestOffsetsCountWhatWasServed checks that a size that was cut, or not said, does not move the
// next page. TestSkippingEndsWithTheCall holds that a source which does not look at its context is
// not read on for nobody.
func TestSkippingEndsWithTheCall(t *testing.T) {
	for _, name := range []string{"keyset", "cursor"} {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		count := func() {
			if calls++; calls == 3 {
				cancel()
			}
		}
		source := map[string]page.Source[*pagev1.Item]{
			"keyset": page.Keyset(func(_ context.Context, after *int64, limit int) (rows []*pagev1.Item, _ error) {
				count()
				for range limit {
					rows = append(rows, item(int64(calls*limit+len(rows))))
				}
				return rows, nil
			}, (*pagev1.Item).GetId),
			"cursor": page.Cursor(func(context.Context, string, int) ([]*pagev1.Item, string, error) {
				count()
				return nil, strconv.Itoa(calls), nil
			}),
		}[name]
		_, err := listItems.Serve(ctx, &pagev1.ListItemsRequest{Skip: 100_000}, source)
		if !errors.Is(err, context.Canceled) || calls != 3 {
			t.Errorf("%s: got %v after %d calls", name, err, calls)
		}
	}
}

func TestOffsetsCountWhatWasServed(t *testing.T) {
	var asked []string
	source := byOffset(1000, &asked)
	token := ""
	for _, size := range []int32{0, 5000, 3} {
		token = serve(t, source, &pagev1.ListItemsRequest{PageSize: size, PageToken: token}).GetNextPageToken()
	}
	if want := []string{"0+6", "5+101", "105+4"}; !slices.Equal(asked, want) {
		t.Errorf("got %v, want %v", asked, want)
	}
}

// TestRowsThatAreTooManyAreCut checks that a source that does not know limits is read right
// nevertheless.
func TestRowsThatAreTooManyAreCut(t *testing.T) {
	all := numbered(30)
	for name, source := range map[string]page.Source[*pagev1.Item]{
		"keyset": page.Keyset(func(_ context.Context, after *int64, _ int) ([]*pagev1.Item, error) {
			if after == nil {
				return all, nil
			}
			return all[*after:], nil
		}, (*pagev1.Item).GetId),
		"offset": page.Offset(func(_ context.Context, offset int64, _ int) ([]*pagev1.Item, error) { return all[offset:], nil }),
	} {
		first := serve(t, source, &pagev1.ListItemsRequest{PageSize: 4})
		wantIDs(t, first, 1, 4)
		wantIDs(t, serve(t, source, &pagev1.ListItemsRequest{PageSize: 4, PageToken: first.GetNextPageToken(), Skip: 2}), 7, 10)
		t.Log(name)
	}
}

func TestTokensOfAnotherKindOfSource(t *testing.T) {
	for from, source := range sources(40) {
		token := serve(t, source, &pagev1.ListItemsRequest{}).GetNextPageToken()
		for to, other := range sources(40) {
			if from == to || from == "offset" && to == "slice" || from == "slice" && to == "offset" {
				continue
			}
			_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: token}, other)
			wantInvalid(t, err, "page_token", page.ReasonTokenInvalid)
		}
	}
}

// TestCursorsComeToAnEnd checks that an upstream that does not move, or gives more than it was
// asked for, is found out.
func TestCursorsComeToAnEnd(t *testing.T) {
	stuck := page.Cursor(func(_ context.Context, cursor string, _ int) ([]*pagev1.Item, string, error) {
		return nil, "stuck", nil
	})
	token := serve(t, stuck, &pagev1.ListItemsRequest{}).GetNextPageToken()
	for _, req := range []*pagev1.ListItemsRequest{{PageToken: token}, {Skip: 1}} {
		_, err := listItems.Serve(t.Context(), req, stuck)
		wantInternal(t, err, "the list would never end")
	}
	tooMany := page.Cursor(func(_ context.Context, _ string, limit int) ([]*pagev1.Item, string, error) {
		return numbered(int64(limit) + 1), "", nil
	})
	_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{}, tooMany)
	wantInternal(t, err, "6 items; return at most limit, 5")
}

// TestRowsThatBeginWithTheirKey checks that a query with >= in it is found out, rather than read
// for ever.
func TestRowsThatBeginWithTheirKey(t *testing.T) {
	source := page.Keyset(func(_ context.Context, after *int64, limit int) (rows []*pagev1.Item, _ error) {
		first := int64(1)
		if after != nil {
			first = *after
		}
		for id := first; len(rows) < limit; id++ {
			rows = append(rows, item(id))
		}
		return rows, nil
	}, (*pagev1.Item).GetId)
	token := serve(t, source, &pagev1.ListItemsRequest{}).GetNextPageToken()
	_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: token}, source)
	wantInternal(t, err, "compare with > instead of >=")
}

func TestNilItemsAreTheServicesMistake(t *testing.T) {
	_, err := listItems.Serve(t.Context(), nil, page.Slice([]*pagev1.Item{item(1), nil}))
	wantInternal(t, err, "item 1 of the page is nil")
}
