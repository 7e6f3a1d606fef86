package page

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Column is a column that orders the rows of an SQL query.
type Column struct {
	// Name is an unquoted SQL name, with or without its table: "created_at", "u.created_at".
	Name string
	// Desc selects descending order.
	Desc bool
	// Nulls is the position of NULLs. If it is NotNull, the column must be NOT NULL: rows with
	// NULL would be lost.
	Nulls Nulls
}

// Nulls is the position of rows whose column is NULL, independent of the direction.
type Nulls int

const (
	// NotNull means that the column has no NULLs.
	NotNull Nulls = iota
	// NullsFirst sorts NULLs before all other values.
	NullsFirst
	// NullsLast sorts NULLs after all other values.
	NullsLast
)

// Columns is a total order of the rows of an SQL query: its last column is unique. It provides
// the parts of the query for a [Keyset]. [NewColumns] and [OrderColumns] return it.
type Columns struct {
	columns []Column
}

// NewColumns returns the order by some columns and then by unique, whose values differ if all
// others are equal. Columns after the unique one change nothing and are dropped.
//
// It returns an error if a name contains anything but letters, digits, underscores and dots, if a
// column occurs twice, or if the unique column has NULLs.
func NewColumns(unique Column, by ...Column) (Columns, error) {
	if i := slices.IndexFunc(by, func(c Column) bool { return c.Name == unique.Name }); i >= 0 {
		unique, by = by[i], by[:i]
	}
	c := Columns{append(slices.Clone(by), unique)}
	var errs []error
	for i, column := range c.columns {
		if !isColumnName(column.Name) {
			errs = append(errs, fmt.Errorf("page: %q is not a column name; use letters, digits, underscores, and a dot after the table", column.Name))
		}
		if column.Nulls < NotNull || column.Nulls > NullsLast || column.Nulls != NotNull && i == len(by) {
			errs = append(errs, fmt.Errorf("page: the column %s cannot have Nulls %d; the unique column has no NULLs", column.Name, column.Nulls))
		}
		if slices.ContainsFunc(c.columns[:i], func(before Column) bool { return before.Name == column.Name }) {
			errs = append(errs, fmt.Errorf("page: the column %s occurs twice; list it once", column.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Columns{}, err
	}
	return c, nil
}

// OrderColumns returns the columns for the order of a request, followed by the unique one.
// columns has the column of each field that an order may contain; the order defines their
// directions. If two fields have the same column, the second is dropped, because it has no
// effect.
//
//	columns, err := page.OrderColumns(orders, map[string]page.Column{
//		"name":      {Name: "u.name"},
//		"last_seen": {Name: "u.last_seen_at", Nulls: page.NullsLast},
//	}, page.Column{Name: "u.id"})
func OrderColumns(orders []Order, columns map[string]Column, unique Column) (Columns, error) {
	var by []Column
	for _, order := range orders {
		column, ok := columns[order.Field]
		if !ok {
			return Columns{}, fmt.Errorf("page: the field %s has no column; add it to columns", order.Field)
		}
		if !slices.ContainsFunc(by, func(c Column) bool { return c.Name == column.Name }) {
			by = append(by, Column{Name: column.Name, Desc: order.Desc, Nulls: column.Nulls})
		}
	}
	return NewColumns(unique, by...)
}

// OrderBy returns the text after ORDER BY in the query: "name DESC NULLS LAST, id". PostgreSQL,
// SQLite and Oracle support NULLS FIRST and NULLS LAST; with other databases, order by NOT NULL
// columns.
func (c Columns) OrderBy() string {
	var text strings.Builder
	for i, column := range c.columns {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(column.Name)
		if column.Desc {
			text.WriteString(" DESC")
		}
		text.WriteString([...]string{NotNull: "", NullsFirst: " NULLS FIRST", NullsLast: " NULLS LAST"}[column.Nulls])
	}
	return text.String()
}

// Key returns the key of a row for [Keyset], from the values that value returns for the column
// names.
func (c Columns) Key(value func(column string) any) Tuple {
	key := make(Tuple, len(c.columns))
	for i, column := range c.columns {
		key[i] = value(column.Name)
	}
	return key
}

// maxColumnName is the maximum length of a column name including its table.
const maxColumnName = 256

// isColumnName reports whether a text can stand in a query unquoted: names separated by dots.
func isColumnName(text string) bool {
	if text == "" || len(text) > maxColumnName {
		return false
	}
	for name := range strings.SplitSeq(text, ".") {
		for i, r := range name {
			letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			if !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
		if name == "" {
			return false
		}
	}
	return true
}
