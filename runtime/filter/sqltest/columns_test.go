package sqltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/page"
)

// ordered is a column to order rows by. It has few values, so that many rows share one.
type ordered struct {
	name             string
	postgres, sqlite string
	values           []any // nil is NULL
}

var orderedBy = []ordered{
	{"n", "bigint NOT NULL", "INTEGER NOT NULL", []any{int64(-1), int64(0), int64(math.MaxInt64)}},
	{"i", "bigint", "INTEGER", []any{nil, int64(-1), int64(0), int64(7)}},
	{"f", "double precision", "REAL", []any{nil, -0.5, 0.1, math.Inf(1)}},
	{"s", `text COLLATE "en_US"`, "TEXT", []any{nil, "", "a", "A", "b", "ä", "a b"}},
	{"b", `text COLLATE "C"`, "TEXT COLLATE NOCASE", []any{nil, "a", "B", "c"}},
	{"yes", "boolean", "BOOLEAN", []any{nil, true, false}},
	{"at", "timestamp", "TIMESTAMP", []any{
		nil, time.Date(2020, 1, 1, 0, 30, 0, 0, time.UTC), time.Date(2020, 1, 1, 0, 30, 0, 1000, time.UTC), time.Date(999, 1, 1, 0, 0, 0, 0, time.UTC),
	}},
	{"tz", "timestamptz", "TIMESTAMP", []any{nil, time.Date(2020, 1, 1, 0, 30, 0, 0, time.UTC), time.Date(2020, 7, 1, 0, 30, 0, 0, time.UTC)}},
}

// orders returns a random order of some columns. The id comes last, or before columns that no
// longer affect the order.
func orders(random *rand.Rand) (by []page.Column) {
	for _, i := range random.Perm(len(orderedBy))[:random.IntN(5)] {
		column := page.Column{Name: orderedBy[i].name, Desc: random.IntN(2) == 0}
		if orderedBy[i].values[0] == nil {
			column.Nulls = page.NullsFirst + page.Nulls(random.IntN(2))
		}
		by = append(by, column)
	}
	return by
}

// fillOrdered creates the table and inserts its rows, with ids in random order.
func (db database) fillOrdered(t *testing.T, random *rand.Rand, types func(ordered) string) {
	t.Helper()
	columns, marks := []string{"id integer"}, []string{db.placeholder(1)}
	for i, column := range orderedBy {
		columns = append(columns, column.name+" "+types(column))
		marks = append(marks, db.placeholder(i+2))
	}
	if _, err := db.Exec("CREATE TABLE o (" + strings.Join(columns, ", ") + ")"); err != nil {
		t.Fatal(err)
	}
	for _, id := range random.Perm(80) {
		args := []any{id}
		for _, column := range orderedBy {
			args = append(args, column.values[random.IntN(len(column.values))])
		}
		if _, err := db.Exec("INSERT INTO o VALUES ("+strings.Join(marks, ", ")+")", args...); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsAfter returns the ids and the keys of at most limit rows after a key.
func (db database) rowsAfter(columns page.Columns, after *page.Tuple, limit int) (ids []int64, keys []page.Tuple, err error) {
	placeholder := page.Dollar
	if db.placeholder(1) == "?" {
		placeholder = page.Question
	}
	where, args, err := columns.Where(placeholder, 1, after)
	if err != nil {
		return nil, nil, err
	}
	names := []string{"id"}
	for _, column := range orderedBy {
		names = append(names, column.name)
	}
	query := fmt.Sprintf("SELECT %s FROM o WHERE id >= %s AND %s ORDER BY %s LIMIT %d", strings.Join(names, ", "), placeholder(1), where, columns.OrderBy(), limit)
	rows, err := db.Query(query, append([]any{0}, args...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %v: %w", query, args, err)
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		id, _ := values[0].(int64)
		ids = append(ids, id)
		keys = append(keys, columns.Key(func(column string) any {
			value := values[slices.Index(names, column)]
			if at, ok := value.(time.Time); ok { // the time zone has no meaning
				return at.In(berlin)
			}
			return value
		}))
	}
	return ids, keys, rows.Err()
}

// TestPagesHaveEachRowOnce checks that the pages of a keyset, concatenated, equal the result of the
// whole query.
func TestPagesHaveEachRowOnce(t *testing.T) {
	for name, db := range databases(t) {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			db.fillOrdered(t, random, func(c ordered) string {
				return map[string]string{"PostgreSQL": c.postgres, "SQLite": c.sqlite}[name]
			})
			for range 100 {
				columns, err := page.NewColumns(page.Column{Name: "id", Desc: random.IntN(2) == 0}, orders(random)...)
				if err != nil {
					t.Fatal(err)
				}
				db.checkPages(t, columns, 1+random.IntN(20))
			}
		})
	}
}

// checkPages reads the rows one page at a time.
func (db database) checkPages(t *testing.T, columns page.Columns, size int) {
	t.Helper()
	want, _, err := db.rowsAfter(columns, nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	var after *page.Tuple
	for len(got) <= len(want) {
		ids, keys, err := db.rowsAfter(columns, after, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) == 0 {
			break
		}
		got, after = append(got, ids...), &keys[len(keys)-1]
	}
	if len(want) != 80 || !slices.Equal(got, want) {
		t.Errorf("ORDER BY %s, pages of %d:\ngot  %v\nwant %v", columns.OrderBy(), size, got, want)
	}
}
