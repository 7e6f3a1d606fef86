package page

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Column is a column of an SQL query that rows are ordered by.
type Column struct {
	// Name is a name as SQL has it without quotes, with or without that of its table: "created_at", "u.created_at".
	Name string
	// Desc is the direction.
	Desc bool
	// Nulls says where rows are whose column is NULL. Without it the column must be NOT NULL: rows where it is NULL would be lost.
	Nulls Nulls
}

// Nulls says where rows are whose column is NULL, whatever the direction.
type Nulls int

const (
	// NotNull is of a column that has no NULLs.
	NotNull Nulls = iota
	// NullsFirst puts them before all others.
	NullsFirst
	// NullsLast puts them after all others.
	NullsLast
)

// Columns is the order of the rows of an SQL query, which no two of them share: its last column tells apart what all others do
// not. It makes the parts of the query for a [Keyset]. It is made by [NewColumns] or [OrderColumns].
type Columns struct {
	columns []Column
}

// NewColumns returns the order by some columns and then by the unique one, whose values differ wherever those of all others agree.
// What stands behind the unique column changes nothing, and is left out.
//
// A name that is not made of letters, digits, underscores and dots, a column that comes twice, and a unique one with NULLs are
// errors.
func NewColumns(unique Column, by ...Column) (Columns, error) {
	if i := slices.IndexFunc(by, func(c Column) bool { return c.Name == unique.Name }); i >= 0 {
		unique, by = by[i], by[:i]
	}
	c := Columns{append(slices.Clone(by), unique)}
	var errs []error
	for i, column := range c.columns {
		if !isColumnName(column.Name) {
			errs = append(errs, fmt.Errorf("page: %q is no name of a column; use letters, digits, underscores, and a dot behind the table", column.Name))
		}
		if column.Nulls < NotNull || column.Nulls > NullsLast || column.Nulls != NotNull && i == len(by) {
			errs = append(errs, fmt.Errorf("page: the column %s cannot have its NULLs at %d; the unique one has none", column.Name, column.Nulls))
		}
		if slices.ContainsFunc(c.columns[:i], func(before Column) bool { return before.Name == column.Name }) {
			errs = append(errs, fmt.Errorf("page: the column %s comes twice", column.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Columns{}, err
	}
	return c, nil
}

// OrderColumns returns the columns of the orders that a request asks for, and then the unique one. columns has the column of each
// field that an order may have; their directions are those of the orders. Of two fields with one column, the second orders nothing
// any more, and is left out.
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
			return Columns{}, fmt.Errorf("page: the field %s has no column", order.Field)
		}
		if !slices.ContainsFunc(by, func(c Column) bool { return c.Name == column.Name }) {
			by = append(by, Column{Name: column.Name, Desc: order.Desc, Nulls: column.Nulls})
		}
	}
	return NewColumns(unique, by...)
}

// OrderBy returns what follows ORDER BY in the query: "name DESC NULLS LAST, id". NULLS FIRST and NULLS LAST are understood by
// PostgreSQL, SQLite and Oracle; other databases order by columns that are NOT NULL.
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

// Key returns the key of a row for [Keyset]: what value returns for the name of each column.
func (c Columns) Key(value func(column string) any) Tuple {
	key := make(Tuple, len(c.columns))
	for i, column := range c.columns {
		key[i] = value(column.Name)
	}
	return key
}

// maxColumnName is the longest name that a database has, and its table's.
const maxColumnName = 256

// isColumnName says whether a text can stand in a query unquoted: names with dots between them.
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
