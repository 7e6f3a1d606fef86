package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

const getSQL = `SELECT {{columns}} FROM {{table}} WHERE name = $1`

// Get implements [operation.Store].
func (o *Operations) Get(ctx context.Context, name string) (rec *operation.Record, err error) {
	if o.errs != nil {
		return nil, o.errs
	}
	err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rec, err = scanRecord(conn.QueryRow(ctx, o.sql.get, textOf(name)))
		if errors.Is(err, pgx.ErrNoRows) {
			return operation.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return rec, nil
}

// Limits of a list for which the query has none.
const (
	mostListed      = 1000
	mostListedBytes = 4 << 20
)

// listQuery builds the query of a list.
type listQuery struct {
	where []string
	args  []any
}

// add adds a condition with %s for the parameter.
func (q *listQuery) add(condition string, value any) {
	q.args = append(q.args, value)
	q.where = append(q.where, fmt.Sprintf(condition, fmt.Sprintf("$%d", len(q.args))))
}

// listSQL returns the statement of a query: the records of a page, each with the number of all
// that follow, up to one more than the limit. The page ends where its bytes exceed the maximum.
func (o *Operations) listSQL(q operation.Query) (string, []any) {
	limit, bytes := q.Limit, q.MaxBytes
	if limit <= 0 {
		limit = mostListed
	}
	if bytes <= 0 {
		bytes = mostListedBytes
	}
	b := &listQuery{}
	if q.Prefix != "" {
		b.add("name >= %s", textOf(q.Prefix))
		b.add("name < %s", textOf(q.Prefix)+"\U0010ffff")
	}
	if q.After != "" {
		b.add("name > %s", textOf(q.After))
	}
	if q.Principal != nil {
		b.add("principal = %s", textOf(*q.Principal))
	}
	if q.Method != "" {
		b.add("method = %s", textOf(q.Method))
	}
	if q.ConflictKey != "" {
		b.add("conflict_hash = %s", o.conflictHash(q.ConflictKey))
	}
	switch {
	case q.Done == nil:
	case *q.Done:
		b.where = append(b.where, "expire_time IS NOT NULL")
	default:
		b.where = append(b.where, "due_time IS NOT NULL")
	}
	if !q.Deleted {
		b.where = append(b.where, "delete_time IS NULL")
	}
	if len(b.where) == 0 {
		b.where = append(b.where, "true")
	}
	b.args = append(b.args, limit, bytes)
	n := len(b.args)
	return fmt.Sprintf(`
WITH page AS MATERIALIZED (
	SELECT name AS listed, row_number() OVER (ORDER BY name) AS nth, sum(bytes) OVER (ORDER BY name) AS through
	FROM (
		SELECT name, coalesce(octet_length(request), 0) + coalesce(octet_length(metadata), 0) +
			coalesce(octet_length(response), 0) + coalesce(octet_length(status), 0) + coalesce(octet_length(checkpoint), 0) AS bytes
		FROM %[1]s WHERE %[2]s ORDER BY name LIMIT $%[3]d + 1
	) AS matching
)
SELECT %[5]s, (SELECT count(*) FROM page) FROM page JOIN %[1]s ON name = listed
WHERE nth = 1 OR nth <= $%[3]d AND through <= $%[4]d ORDER BY nth`,
		o.db.table("operations"), strings.Join(b.where, " AND "), n-1, n, recordColumns), b.args
}

// List implements [operation.Store].
func (o *Operations) List(ctx context.Context, q operation.Query) (found []*operation.Record, more bool, err error) {
	if o.errs != nil {
		return nil, false, o.errs
	}
	sql, args := o.listSQL(q)
	matching := 0
	err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*operation.Record, error) {
			return scanRecord(row, &matching)
		})
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return found, matching > len(found), nil
}

// countSQL counts by the index of what is not done.
const countSQL = `
SELECT method, phase, count(*), min(create_time) FROM (
	SELECT method, create_time, CASE WHEN lease_until IS NULL THEN 'waiting'
		WHEN lease_until > statement_timestamp() THEN 'running' ELSE 'expired' END AS phase
	FROM {{table}} WHERE due_time IS NOT NULL
) AS unfinished GROUP BY method, phase`

// Count implements [operation.Store]. It reads what is not done.
func (o *Operations) Count(ctx context.Context) (counts []operation.Count, err error) {
	if o.errs != nil {
		return nil, o.errs
	}
	err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, o.sql.count)
		if err != nil {
			return err
		}
		counts, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c operation.Count, err error) {
			err = row.Scan(&c.Method, (*string)(&c.Phase), &c.Number, &c.Oldest)
			c.Method, c.Oldest = stringOf(c.Method), c.Oldest.UTC()
			return c, err
		})
		return err
	})
	return counts, err
}
