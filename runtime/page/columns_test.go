package page_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func columns(t *testing.T, c ...page.Column) page.Columns {
	t.Helper()
	columns, err := page.NewColumns(c[len(c)-1], c[:len(c)-1]...)
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// TestWhere holds the text of conditions. That they find the right rows is what
// TestEveryRowThatStaysIsFoundOnce holds.
func TestWhere(t *testing.T) {
	id := page.Column{Name: "id"}
	for name, test := range map[string]struct {
		columns []page.Column
		after   *page.Tuple
		where   string
		args    []any
		orderBy string
	}{
		"first page": {[]page.Column{id}, nil, "(1 = 1)", nil, "id"},
		"unique":     {[]page.Column{id}, &page.Tuple{7}, "(id > $3)", []any{int64(7)}, "id"},
		"desc":       {[]page.Column{{Name: "id", Desc: true}}, &page.Tuple{7}, "(id < $3)", []any{int64(7)}, "id DESC"},
		"two": {
			[]page.Column{{Name: "u.rank", Desc: true}, id}, &page.Tuple{5, 7},
			"(u.rank <= $3 AND (u.rank < $4 OR (u.rank = $5 AND (id > $6))))", []any{int64(5), int64(5), int64(5), int64(7)}, "u.rank DESC, id",
		},
		"not NULL, nulls last": {
			[]page.Column{{Name: "name", Nulls: page.NullsLast}, id}, &page.Tuple{"a", 7},
			"(name > $3 OR name IS NULL OR (name = $4 AND (id > $5)))", []any{"a", "a", int64(7)}, "name NULLS LAST, id",
		},
		"NULL, nulls last": {
			[]page.Column{{Name: "name", Nulls: page.NullsLast}, id}, &page.Tuple{nil, 7},
			"(1 = 0 OR (name IS NULL AND (id > $3)))", []any{int64(7)}, "name NULLS LAST, id",
		},
		"NULL, nulls first": {
			[]page.Column{{Name: "name", Desc: true, Nulls: page.NullsFirst}, id}, &page.Tuple{(*string)(nil), 7},
			"(name IS NOT NULL OR (name IS NULL AND (id > $3)))", []any{int64(7)}, "name DESC NULLS FIRST, id",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := columns(t, test.columns...)
			where, args, err := c.Where(page.Dollar, 2, test.after)
			if err != nil || where != test.where || !cmp.Equal(args, test.args) {
				t.Errorf("got %s %v, %v; want %s %v", where, args, err, test.where, test.args)
			}
			if got := c.OrderBy(); got != test.orderBy {
				t.Errorf("got ORDER BY %s, want %s", got, test.orderBy)
			}
		})
	}
}

func TestPlaceholders(t *testing.T) {
	for want, placeholder := range map[string]page.Placeholder{"(id > $10)": page.Dollar, "(id > ?)": page.Question, "(id > @p10)": page.AtP, "(id > :10)": page.Colon} {
		if where, _, err := columns(t, page.Column{Name: "id"}).Where(placeholder, 9, &page.Tuple{1}); where != want || err != nil {
			t.Errorf("got %s, %v; want %s", where, err, want)
		}
	}
}

// TestValuesAreNeverInTheText checks that no key can become part of a query.
func TestValuesAreNeverInTheText(t *testing.T) {
	evil := "'; DROP TABLE users; --"
	where, args, err := columns(t, page.Column{Name: "name"}, page.Column{Name: "id"}).Where(page.Dollar, 0, &page.Tuple{evil, evil})
	if err != nil || strings.Contains(where, "DROP") || len(args) != 4 {
		t.Errorf("got %s %v, %v", where, args, err)
	}
}

func TestColumnsThatAreRejected(t *testing.T) {
	id := page.Column{Name: "id"}
	for want, c := range map[string][]page.Column{
		`"" is not a column name`:                                 {{Name: ""}, id},
		`"name; DROP" is not a column name`:                       {{Name: "name; DROP"}, id},
		`"\"name\"" is not a column name`:                         {{Name: `"name"`}, id},
		`"1st" is not a column name`:                              {{Name: "1st"}, id},
		`"u." is not a column name`:                               {{Name: "u."}, id},
		`"größe" is not a column name`:                            {{Name: "größe"}, id},
		`"lower(name)" is not a column name`:                      {{Name: "lower(name)"}, id},
		"the column name occurs twice":                            {{Name: "name"}, {Name: "name", Desc: true}, id},
		"the column id cannot have Nulls 1":                       {{Name: "id", Nulls: page.NullsFirst}},
		"the column name cannot have Nulls 9":                     {{Name: "name", Nulls: 9}, id},
		`"` + strings.Repeat("x", 300) + `" is not a column name`: {{Name: strings.Repeat("x", 300)}, id},
	} {
		if _, err := page.NewColumns(c[len(c)-1], c[:len(c)-1]...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestTheUniqueColumnIsLast checks that what stands behind it is left out, and that it is never
// missing.
func TestTheUniqueColumnIsLast(t *testing.T) {
	fields := map[string]page.Column{"name": {Name: "u.name", Nulls: page.NullsLast}, "id": {Name: "u.id"}, "rank": {Name: "rank", Desc: true}, "title": {Name: "u.name"}}
	unique := page.Column{Name: "u.id"}
	for text, want := range map[string]string{
		"":                    "u.id",
		"name":                "u.name NULLS LAST, u.id",
		"rank, name desc":     "rank, u.name DESC NULLS LAST, u.id",
		"name, id desc, rank": "u.name NULLS LAST, u.id DESC",
		"name, title desc":    "u.name NULLS LAST, u.id", // which are one column
	} {
		orders, err := page.ParseOrder("order_by", text, "name", "id", "rank", "title")
		if err != nil {
			t.Fatal(err)
		}
		if c, err := page.OrderColumns(orders, fields, unique); err != nil || c.OrderBy() != want {
			t.Errorf("%q: got %s, %v; want %s", text, c.OrderBy(), err, want)
		}
	}
	if _, err := page.OrderColumns([]page.Order{{Field: "age"}}, fields, unique); err == nil || !strings.Contains(err.Error(), "the field age has no column") {
		t.Errorf("got %v", err)
	}
}

func TestKeysThatDoNotFitTheColumns(t *testing.T) {
	c := columns(t, page.Column{Name: "name"}, page.Column{Name: "id"})
	for _, short := range []*page.Tuple{{}, {"a"}, {"a", 1, 2}} {
		_, _, err := c.Where(page.Dollar, 0, short)
		if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != page.ReasonTokenInvalid {
			t.Errorf("%v: got %v", short, err)
		}
	}
	_, _, err := c.Where(page.Dollar, 0, &page.Tuple{nil, 1})
	wantInternal(t, err, "the column name is NULL; set its Nulls")
	_, _, err = c.Where(page.Dollar, 0, &page.Tuple{"a", []int{1}})
	wantInternal(t, err, "value 1 of the key: []int")
	_, _, err = page.Columns{}.Where(page.Dollar, 0, &page.Tuple{})
	wantInternal(t, err, "create them with NewColumns")
}

// TestATokenOfOtherColumns checks that the caller of a list learns of which field it was.
func TestATokenOfOtherColumns(t *testing.T) {
	id := page.Column{Name: "id"}
	list := func(c page.Columns) page.Source[*pagev1.Item] {
		return page.Keyset(func(_ context.Context, after *page.Tuple, limit int) ([]*pagev1.Item, error) {
			_, _, err := c.Where(page.Dollar, 0, after)
			return numbered(int64(limit)), err
		}, func(i *pagev1.Item) page.Tuple { return c.Key(func(string) any { return i.GetId() }) })
	}
	token := serve(t, list(columns(t, id)), nil).GetNextPageToken()
	_, err := listItems.Serve(t.Context(), &pagev1.ListItemsRequest{PageToken: token}, list(columns(t, page.Column{Name: "rank"}, id)))
	wantInvalid(t, err, "page_token", page.ReasonTokenInvalid)
}
