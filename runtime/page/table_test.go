package page_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// row is a row of a table with a column that may be NULL, one that many rows have in common, and a
// unique one.
type row struct {
	name *string
	rank int64
	id   int64
}

// table is rows in any order.
type table []row

// column returns the value of a column.
func (r row) column(name string) any {
	switch name {
	case "name":
		return r.name
	case "rank":
		return r.rank
	}
	return r.id
}

// randomRow returns a row with an id, whose name is often NULL and whose rank is often that of
// others.
func randomRow(rng *rand.Rand, id int64) row {
	r := row{rank: rng.Int64N(4), id: id}
	if name := rng.IntN(4); name > 0 {
		text := strings.Repeat("x", name-1) // the empty text is not NULL
		r.name = &text
	}
	return r
}

// ordering is a way to order the table.
type ordering []page.Column

var orderings = map[string]ordering{
	"unique":                {{Name: "id"}},
	"unique desc":           {{Name: "id", Desc: true}},
	"ties":                  {{Name: "rank"}, {Name: "id"}},
	"ties desc":             {{Name: "rank", Desc: true}, {Name: "id", Desc: true}},
	"mixed directions":      {{Name: "rank", Desc: true}, {Name: "id"}},
	"nulls first":           {{Name: "name", Nulls: page.NullsFirst}, {Name: "id"}},
	"nulls last":            {{Name: "name", Nulls: page.NullsLast}, {Name: "id"}},
	"nulls first desc":      {{Name: "name", Desc: true, Nulls: page.NullsFirst}, {Name: "id"}},
	"nulls last desc":       {{Name: "name", Desc: true, Nulls: page.NullsLast}, {Name: "id", Desc: true}},
	"three, nulls within":   {{Name: "rank"}, {Name: "name", Desc: true, Nulls: page.NullsLast}, {Name: "id"}},
	"three, nulls at front": {{Name: "name", Nulls: page.NullsFirst}, {Name: "rank", Desc: true}, {Name: "id"}},
}

// compare orders rows as SQL does.
func (o ordering) compare(a, b row) int {
	for _, c := range o {
		var order int
		switch c.Name {
		case "name":
			if a.name == nil || b.name == nil {
				order = compareNull(a.name == nil, b.name == nil, c.Nulls)
				if order != 0 {
					return order
				}
				continue
			}
			order = strings.Compare(*a.name, *b.name)
		case "rank":
			order = cmp.Compare(a.rank, b.rank)
		default:
			order = cmp.Compare(a.id, b.id)
		}
		if c.Desc {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func compareNull(a, b bool, nulls page.Nulls) int {
	switch {
	case a == b:
		return 0
	case a == (nulls == page.NullsFirst):
		return -1
	}
	return 1
}

// after returns at most limit rows after one in an order, from the first where there is none.
func (t table) after(o ordering, last *row, limit int) (rows []row) {
	for _, r := range slices.SortedFunc(slices.Values(t), o.compare) {
		if (last == nil || o.compare(r, *last) > 0) && len(rows) < limit {
			rows = append(rows, r)
		}
	}
	return rows
}

// change deletes some rows and inserts others, whose ids are next and above. What was deleted or
// inserted is noted.
func (t table) change(rng *rand.Rand, next *int64, gone, added map[int64]bool) table {
	t = slices.DeleteFunc(slices.Clone(t), func(r row) bool {
		if rng.IntN(8) > 0 {
			return false
		}
		gone[r.id] = true
		return true
	})
	for range rng.IntN(4) {
		added[*next] = true
		t = append(t, randomRow(rng, *next))
		*next++
	}
	return t
}

// toItems returns rows as items of a page.
func toItems(rows []row) []*pagev1.Item {
	items := make([]*pagev1.Item, len(rows))
	for i, r := range rows {
		items[i] = item(r.id)
	}
	return items
}
