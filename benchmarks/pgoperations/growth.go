package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// chunk is how many rows one statement generates.
const chunk = 250_000

// generate adds finished operations of a thousand principals: 100 bytes of response and 50 of
// metadata each.
const generate = `
INSERT INTO grpcservice_bench.operations (fence, lease, timeout, retain, create_time, update_time, run_after, start_time,
	done_time, expire_time, attempt, max_attempts, fixed_bytes, kept_bytes, front, name, method, principal, idempotency_key,
	conflict_key, carrier, metadata, response)
SELECT 1, 30000000000, 0, 2592000000000000, at, at, at, at, at, at + interval '30 days', 1, 5, 400, 550, false,
	'operations/' || lpad(n::text, 26, '0'), '/bench.v1.Jobs/Run', 'principal' || n % 1000, '', '',
	'{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}',
	decode(repeat('ab', 50), 'hex'), decode(repeat('cd', 100), 'hex')
FROM (SELECT n, now() - (interval '30 days') + n * interval '100 milliseconds' AS at FROM generate_series($1::bigint, $2::bigint) AS n) AS numbers`

// growth generates a table, and reports its size and what calls take with it.
func growth(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, rows, rounds int, length time.Duration) error {
	if _, err := pool.Exec(ctx, `ALTER TABLE grpcservice_bench.operations SET UNLOGGED`); err != nil { // to be done sooner
		return err
	}
	start, first := time.Now(), 0
	if err := pool.QueryRow(ctx, `SELECT coalesce(max(right(name, 26))::bigint, 0) FROM grpcservice_bench.operations`).Scan(&first); err != nil {
		return err
	}
	for from := first + 1; from <= rows; from += chunk {
		if _, err := pool.Exec(ctx, generate, from, min(from+chunk-1, rows)); err != nil {
			return err
		}
	}
	fmt.Printf("%d rows generated in %v\n", rows, time.Since(start).Round(time.Second))
	if _, err := pool.Exec(ctx, `VACUUM ANALYZE grpcservice_bench.operations`); err != nil {
		return err
	}
	if err := sizes(ctx, pool, rows); err != nil {
		return err
	}
	names.Store(int64(rows))
	if err := calls(ctx, pool, db, rows); err != nil {
		return err
	}
	return throughput(ctx, pool, db, rounds, length)
}

// sizes prints the size of the table and of each index.
func sizes(ctx context.Context, pool *pgxpool.Pool, rows int) error {
	found, err := pool.Query(ctx, `
		SELECT 'operations, with TOAST', pg_table_size('grpcservice_bench.operations') UNION ALL
		SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
		WHERE indrelid = 'grpcservice_bench.operations'::regclass`)
	if err != nil {
		return err
	}
	var name string
	var bytes int64
	_, err = pgx.ForEachRow(found, []any{&name, &bytes}, func() error {
		fmt.Printf("%-48s %6d MB %5.0f bytes a row\n", name, bytes>>20, float64(bytes)/float64(rows))
		return nil
	})
	return err
}

// calls prints what single calls take.
func calls(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, rows int) error {
	ops := db.Operations()
	principal := "principal7"
	done := true
	for _, call := range []struct {
		what string
		run  func(i int) error
	}{
		{"Get", func(i int) error {
			_, err := ops.Get(ctx, fmt.Sprintf("operations/%026d", 1+i*7919%rows))
			return err
		}},
		{"List of a principal, 100", func(int) error {
			_, _, err := ops.List(ctx, operation.Query{Principal: &principal, Limit: 100})
			return err
		}},
		{"List of a principal that are done, 100", func(int) error {
			_, _, err := ops.List(ctx, operation.Query{Principal: &principal, Done: &done, Limit: 100})
			return err
		}},
		{"Claim with nothing due", func(int) error {
			_, err := ops.Claim(ctx, []string{method}, 16)
			return err
		}},
		{"Count", func(int) error {
			_, err := ops.Count(ctx)
			return err
		}},
		{"Expire of 1000", func(i int) error {
			_, err := pool.Exec(ctx, `UPDATE grpcservice_bench.operations SET expire_time = now() WHERE name BETWEEN $1 AND $2`,
				fmt.Sprintf("operations/%026d", 1+i*1000), fmt.Sprintf("operations/%026d", 1000+i*1000))
			if err == nil {
				_, err = ops.Expire(ctx, 1000)
			}
			return err
		}},
		{"counting the bytes of all principals", func(int) error {
			_, err := pool.Exec(ctx, `SELECT principal, sum(kept_bytes) FROM grpcservice_bench.operations
				WHERE expire_time IS NOT NULL GROUP BY principal`)
			return err
		}},
	} {
		var took []time.Duration
		for i := range 11 {
			start := time.Now()
			if err := call.run(i); err != nil {
				return fmt.Errorf("%s: %w", call.what, err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		fmt.Printf("%-48s %10v\n", call.what, took[len(took)/2].Round(10*time.Microsecond))
	}
	return nil
}
