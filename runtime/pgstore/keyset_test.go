package pgstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// listed reads all pages of a query, in pages of the given size, and returns the titles.
func listed(t *testing.T, from pgstore.Querier, order page.Columns, size int32, query string, args ...any) (titles []string, err error) {
	t.Helper()
	row := func(row pgx.CollectableRow) (*libraryv1.Book, error) {
		values, err := row.Values()
		if err != nil {
			return nil, err
		}
		return &libraryv1.Book{Title: fmt.Sprint(values[0])}, nil
	}
	req := &libraryv1.ListBooksRequest{PageSize: size}
	for range 1000 {
		resp, err := libraryv1service.BookServiceListBooks.Serve(t.Context(), req, pgstore.Keyset(from, order, row, query, args...))
		if err != nil {
			return titles, err
		}
		for _, book := range resp.GetBooks() {
			titles = append(titles, book.GetTitle())
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return titles, nil
		}
	}
	t.Fatal("the pages do not end")
	return nil, nil
}

// TestKeysetOfAllTypes pages through a table by a column of each type, with equal values and NULLs,
// and compares with the whole list.
func TestKeysetOfAllTypes(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=2")
	for _, c := range []struct{ typ, value string }{
		{"smallint", "(n % 3)::smallint"},
		{"int", "n % 5 - 2"},
		{"bigint", "(n % 4) * 4000000000"},
		{"float8", "(n % 4) / 3.0"},
		{"numeric", "(n % 4)::numeric / 3"},
		{"text", "chr(97 + n % 3) || ' é'"},
		{"bytea", "decode(lpad(to_hex(n % 6), 2, '0'), 'hex')"},
		{"boolean", "n % 2 = 0"},
		{"timestamptz", "'2024-01-01'::timestamptz + (n % 4) * interval '1 microsecond'"},
		{"timestamp", "'2024-01-01'::timestamp + (n % 4) * interval '1 microsecond'"},
		{"date", "'2024-01-01'::date + n % 4"},
		{"uuid", "md5((n % 4)::text)::uuid"},
		{"inet", "'10.0.0.0'::inet + n % 4"},
	} {
		for _, column := range []page.Column{
			{Name: "v"}, {Name: "v", Desc: true}, {Name: "v", Nulls: page.NullsLast}, {Name: "v", Desc: true, Nulls: page.NullsFirst},
		} {
			t.Run(fmt.Sprintf("%s %v", c.typ, column), func(t *testing.T) {
				value := c.value
				if column.Nulls != page.NotNull {
					value = "CASE WHEN n % 5 > 0 THEN " + value + " END"
				}
				query := `SELECT n, (` + value + `)::` + c.typ + ` AS v FROM generate_series(1, $1::int) n`
				order, err := page.NewColumns(page.Column{Name: "n"}, column)
				must(t, err)
				want, err := listed(t, pool, order, 1000, query, 20)
				must(t, err)
				if len(want) != 20 {
					t.Fatalf("the list has %d rows", len(want))
				}
				for _, size := range []int32{1, 7} {
					got, err := listed(t, pool, order, size, query, 20)
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("pages of %d have %v, %v; want %v", size, got, err, want)
					}
				}
			})
		}
	}
}

// TestKeysetUsesAnIndex checks that a page of a large table reads its rows only.
func TestKeysetUsesAnIndex(t *testing.T) {
	pool := newPool(t, url(t))
	tx, err := pool.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(t.Context())
	_, err = tx.Exec(t.Context(), `CREATE TEMPORARY TABLE rows AS SELECT n, n % 100 AS v, 'shop' AS shop FROM generate_series(1, 50000) n`)
	must(t, err)
	_, err = tx.Exec(t.Context(), `CREATE INDEX ON rows (shop, v, n); ANALYZE rows`)
	must(t, err)
	order, err := page.NewColumns(page.Column{Name: "n"}, page.Column{Name: "v"})
	must(t, err)
	where, args, err := order.Where(page.Dollar, 1, &page.Tuple{int64(50), int64(25_050)})
	must(t, err)
	rows, err := tx.Query(t.Context(), `EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM (SELECT n, v FROM rows WHERE shop = $1
) AS rows WHERE `+where+` ORDER BY `+order.OrderBy()+` LIMIT 10`, append([]any{"shop"}, args...)...)
	must(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index") || strings.Contains(text, "Sort") {
		t.Errorf("the plan is\n%s", text)
	}
}

func TestMistakesOfKeyset(t *testing.T) {
	pool := newPool(t, url(t))
	order, err := page.NewColumns(page.Column{Name: "id"})
	must(t, err)
	for query, want := range map[string]string{
		`SELECT n AS number FROM generate_series(1, 9) n`:               `column "id" does not exist`,
		`SELECT n AS id FROM generate_series(1, 9) n WHERE`:             `syntax error`,
		`SELECT ARRAY[n] AS id FROM generate_series(1, 9) n`:            `cannot be put into a token`,
		`SELECT n AS id FROM generate_series(1, 9) n -- with a comment`: ``,
	} {
		_, err := listed(t, pool, order, 2, query)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(cause(err), want) {
			t.Errorf("%s: got %v, want %q", query, cause(err), want)
		}
	}
}

// cause returns the text of an error and of all that it wraps.
func cause(err error) string {
	text := ""
	for err != nil {
		text += err.Error() + "\n"
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = wrapped.Unwrap()
	}
	return text
}
