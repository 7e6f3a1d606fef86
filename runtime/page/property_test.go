package page_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// rowKey is a key as users have it: a pointer for what may be NULL.
type rowKey struct {
	Name *string
	Rank int64
	ID   int64
}

// TestEveryRowThatStaysIsFoundOnce reads tables of every size in every order with pages of every
// size, while rows come and go: each row that is there all the time is found once, in its place,
// and no row is found twice. Rows are found by a typed key and by an SQL condition, which have to
// agree.
func TestEveryRowThatStaysIsFoundOnce(t *testing.T) {
	for name, o := range orderings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			for n := range int64(61) {
				for size := range int32(n) + 2 {
					readWhileItChanges(t, rng, o, n, size, byKey)
					if size%7 == int32(n)%7 || size == 1 { // reading SQL takes its time
						readWhileItChanges(t, rng, o, n, size, bySQL)
					}
				}
			}
		})
	}
}

// lister makes a source of the rows of a table, which may change.
type lister func(o ordering, rows *table) page.Source[*pagev1.Item]

func readWhileItChanges(t *testing.T, rng *rand.Rand, o ordering, n int64, size int32, list lister) {
	t.Helper()
	var rows table
	for id := range n {
		rows = append(rows, randomRow(rng, id))
	}
	next, gone, added, start := n, map[int64]bool{}, map[int64]bool{}, rows
	svc := items(func(ctx context.Context, req *pagev1.ListItemsRequest) (*pagev1.ListItemsResponse, error) {
		defer func() { rows = rows.change(rng, &next, gone, added) }()
		return listItems.Serve(ctx, req, list(o, &rows))
	})
	found := map[int64]bool{}
	var stayed []int64
	for item, err := range listItems.All(t.Context(), svc, &pagev1.ListItemsRequest{PageSize: size}) {
		if err != nil {
			t.Fatal(err)
		}
		if found[item.GetId()] {
			t.Fatalf("%d rows, pages of %d: the row %d is found twice", n, size, item.GetId())
		}
		found[item.GetId()] = true
		if !gone[item.GetId()] && !added[item.GetId()] {
			stayed = append(stayed, item.GetId())
		}
		if next > n+1000 {
			t.Fatalf("%d rows, pages of %d: the list does not end", n, size)
		}
	}
	for _, r := range start.after(o, nil, len(start)) {
		if gone[r.id] {
			continue
		}
		for len(stayed) > 0 && gone[stayed[0]] {
			stayed = stayed[1:] // it was there when it was found
		}
		if len(stayed) == 0 || stayed[0] != r.id {
			t.Fatalf("%d rows, pages of %d: the row %d, which was there all the time, is missing or in another place", n, size, r.id)
		}
		stayed = stayed[1:]
	}
}

// byKey lists rows by a typed key.
func byKey(o ordering, rows *table) page.Source[*pagev1.Item] {
	return page.Keyset(func(_ context.Context, after *rowKey, limit int) ([]*pagev1.Item, error) {
		if after == nil {
			return toItems(rows.after(o, nil, limit)), nil
		}
		return toItems(rows.after(o, &row{after.Name, after.Rank, after.ID}, limit)), nil
	}, func(i *pagev1.Item) rowKey {
		r := rows.byID(i.GetId())
		return rowKey{r.name, r.rank, r.id}
	})
}

// bySQL lists rows by an SQL condition and a key that is made from its columns.
func bySQL(o ordering, rows *table) page.Source[*pagev1.Item] {
	columns, err := page.NewColumns(o[len(o)-1], o[:len(o)-1]...)
	if err != nil {
		panic(err)
	}
	return page.Keyset(func(_ context.Context, after *page.Tuple, limit int) ([]*pagev1.Item, error) {
		where, args, err := columns.Where(page.Dollar, 0, after)
		if err != nil {
			return nil, err
		}
		found, err := rows.query(where, args, columns.OrderBy(), limit)
		return toItems(found), err
	}, func(i *pagev1.Item) page.Tuple { return columns.Key(rows.byID(i.GetId()).column) })
}

// byID returns a row that there is.
func (t table) byID(id int64) row {
	for _, r := range t {
		if r.id == id {
			return r
		}
	}
	panic(fmt.Sprintf("there is no row %d", id))
}
