package page

import (
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
)

// Placeholder returns the placeholder of the n-th argument of a query, counted from 1.
type Placeholder func(n int) string

// Dollar is PostgreSQL's: $1.
func Dollar(n int) string { return "$" + strconv.Itoa(n) }

// Question is MySQL's and SQLite's: ?.
func Question(int) string { return "?" }

// AtP is SQL Server's: @p1.
func AtP(n int) string { return "@p" + strconv.Itoa(n) }

// Colon is Oracle's: :1.
func Colon(n int) string { return ":" + strconv.Itoa(n) }

// Where returns the condition for the rows after a key, for use in a query, and its arguments.
// before is the number of arguments before them in the query. On the first page, if after is nil,
// the condition is true for all rows.
//
//	where, args, err := columns.Where(page.Dollar, 1, after)
//	…
//	rows, err := db.QueryContext(ctx, "SELECT … FROM users WHERE shelf = $1 AND "+where+" ORDER BY "+columns.OrderBy()+" LIMIT …",
//		append([]any{shelf}, args...)...)
//
// The condition is parenthesized and uses the column names of the order. Values are always
// arguments and never part of the text. The condition starts with a comparison of the first
// column alone, so that the database can use an index.
func (c Columns) Where(placeholder Placeholder, before int, after *Tuple) (text string, args []any, err error) {
	if after == nil {
		return "(1 = 1)", nil, nil
	}
	w := where{placeholder: placeholder, before: before}
	values := make([]any, len(*after))
	for i, value := range *after {
		if values[i], err = plainOf(value); err != nil {
			return "", nil, misuse("value %d of the key: %w", i, err)
		}
	}
	if err := c.fits(values); err != nil {
		return "", nil, err
	}
	w.write("(")
	if first := c.columns[0]; len(c.columns) > 1 && first.Nulls == NotNull {
		w.write(first.Name, " ", first.direction(), "= ", w.arg(values[0]), " AND (")
		w.after(c.columns, values)
		w.write(")")
	} else {
		w.after(c.columns, values)
	}
	w.write(")")
	return w.text.String(), w.args, nil
}

// fits returns an error if the key does not have a value for each column.
func (c Columns) fits(values []any) error {
	if len(c.columns) == 0 {
		return misuse("empty Columns; create them with NewColumns")
	}
	if len(values) != len(c.columns) { // issued by an older version of the service
		return ReasonTokenInvalid.Errorf(codes.InvalidArgument, "the page token belongs to another order; start again with the first page").
			WithCause(errPosition) // Serve recognizes it and names the field
	}
	for i, value := range values {
		if column := c.columns[i]; value == nil && column.Nulls == NotNull {
			return misuse("the column %s is NULL; set its Nulls to NullsFirst or NullsLast", column.Name)
		}
	}
	return nil
}

// direction returns the comparison operator for values that come later.
func (c Column) direction() string {
	if c.Desc {
		return "<"
	}
	return ">"
}

// where is a condition that is being written.
type where struct {
	text        strings.Builder
	args        []any
	placeholder Placeholder
	before      int
}

func (w *where) write(parts ...string) {
	for _, part := range parts {
		w.text.WriteString(part)
	}
}

// arg adds an argument and returns its placeholder.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return w.placeholder(w.before + len(w.args))
}

// after writes the condition for rows after the values of columns: rows that come later by the
// first column, and rows with the same value there that come later by the other columns.
func (w *where) after(columns []Column, values []any) {
	column, value := columns[0], values[0]
	switch {
	case value != nil:
		w.write(column.Name, " ", column.direction(), " ", w.arg(value))
		if column.Nulls == NullsLast {
			w.write(" OR ", column.Name, " IS NULL")
		}
	case column.Nulls == NullsFirst:
		w.write(column.Name, " IS NOT NULL")
	default:
		w.write("1 = 0") // nothing comes after NULL by this column
	}
	if len(columns) == 1 {
		return
	}
	w.write(" OR (", column.Name)
	if value == nil {
		w.write(" IS NULL")
	} else {
		w.write(" = ", w.arg(value))
	}
	w.write(" AND (")
	w.after(columns[1:], values[1:])
	w.write("))")
}
