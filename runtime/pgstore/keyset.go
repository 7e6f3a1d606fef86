package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/grpcservice/grpcservice/runtime/page"
)

// Querier runs queries: a pool, a connection or a transaction of pgx.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Keyset is the source of a list whose rows a query returns, for the Serve of a page's method:
//
//	return shopv1service.UserServiceListUsers.Serve(ctx, req, pgstore.Keyset(s.pool, order, scanUser,
//		"SELECT id, name, email FROM users WHERE shop = $1", shop))
//
// query is a SELECT without ORDER BY and LIMIT, with its arguments. Its columns include those of
// order, under their names without a table. Keyset reads the rows after the key of the previous
// page, in that order, so an index on the columns of order finds them. row converts a row to an
// item: pgx.RowToAddrOfStructByName, or a function that scans it.
//
// The values of the order's columns are put into tokens as the database returned them: numbers that
// fit into 64 bits, texts, bytes, bools, dates and times (with all their digits), UUIDs, and what
// implements driver.Valuer, such as numeric.
func Keyset[T any](
	from Querier, order page.Columns, row func(pgx.CollectableRow) (*T, error),
	query string, args ...any,
) page.Source[*T] {
	k := &keyset[T]{from: from, order: order, row: row, query: query, args: args}
	return page.Keyset(k.after, k.key)
}

// keyset reads the rows of one call.
type keyset[T any] struct {
	from  Querier
	order page.Columns
	row   func(pgx.CollectableRow) (*T, error)
	query string
	args  []any

	mu   sync.Mutex
	keys map[*T]page.Tuple // of the rows that were read last
}

// after returns the rows after a key.
func (k *keyset[T]) after(ctx context.Context, after *page.Tuple, limit int) ([]*T, error) {
	where, args, err := k.order.Where(page.Dollar, len(k.args), after)
	if err != nil {
		return nil, err
	}
	sql := "SELECT * FROM (" + k.query + "\n) AS rows WHERE " + where +
		" ORDER BY " + k.order.OrderBy() + " LIMIT " + strconv.Itoa(limit)
	rows, err := k.from.Query(ctx, sql, append(append([]any(nil), k.args...), args...)...)
	if err != nil {
		return nil, err
	}
	keys := make(map[*T]page.Tuple)
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*T, error) {
		item, err := k.row(row)
		if err != nil {
			return nil, err
		}
		if item == nil {
			return nil, errors.New("pgstore.Keyset: row returned nil; return an item or an error")
		}
		keys[item], err = k.keyOf(row)
		return item, err
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = keys
	return items, err
}

// key returns the key of a row that was read last.
func (k *keyset[T]) key(item *T) page.Tuple {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[item]
}

// keyOf returns the key of a row.
func (k *keyset[T]) keyOf(row pgx.CollectableRow) (page.Tuple, error) {
	values, err := row.Values()
	if err != nil {
		return nil, err
	}
	columns := make(map[string]any, len(values))
	for i, field := range row.FieldDescriptions() {
		if columns[field.Name], err = keyValue(values[i]); err != nil {
			return nil, fmt.Errorf("pgstore.Keyset: the column %s: %w", field.Name, err)
		}
	}
	key := k.order.Key(func(column string) any {
		value, ok := columns[column]
		if !ok {
			err = fmt.Errorf("pgstore.Keyset: the query has no column %s, by which the list is ordered; "+
				"select it, under this name", column)
		}
		return value
	})
	return key, err
}

// keyValue returns a value that a key can hold.
func keyValue(value any) (any, error) {
	switch value := value.(type) {
	case [16]byte: // uuid
		return pgtype.UUID{Bytes: value, Valid: true}.String(), nil
	case pgtype.InfinityModifier:
		return value.String(), nil
	}
	return value, nil
}
