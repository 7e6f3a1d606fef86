package pgstore_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// TestVersions checks the errors for tables of another version.
func TestVersions(t *testing.T) {
	pool := newPool(t, url(t))
	ctx := t.Context()
	const name = "versions" // one that newSchema does not use
	schema := pgstore.WithSchema(name)
	t.Cleanup(func() { _, _ = pool.Exec(ctx, "DROP SCHEMA IF EXISTS versions CASCADE") })
	_, err := pgstore.Open(ctx, pool, schema)
	contains(t, err, `schema "versions" has no tables of this package; run pgstore.Migrate, or check WithSchema`)

	must(t, pgstore.Migrate(ctx, pool, schema))
	must(t, pgstore.Migrate(ctx, pool, schema))
	open(t, pool, schema).Close()

	_, err = pool.Exec(ctx, "INSERT INTO versions.migrations (version, name) VALUES (999, 'later')")
	must(t, err)
	_, err = pgstore.Open(ctx, pool, schema)
	contains(t, err, "the tables are at version 999 and this program knows")
	contains(t, pgstore.Migrate(ctx, pool, schema), "deploy the version that has migrated them, or a later one")

	_, err = pool.Exec(ctx, "DELETE FROM versions.migrations WHERE version IN (1, 999)")
	must(t, err)
	_, err = pgstore.Open(ctx, pool, schema)
	contains(t, err, `schema "versions" lacks migration 0001_operations; run pgstore.Migrate of this version first`)
}

// TestMigrateTogether checks that many processes may migrate at a time, and that a transaction of
// the user is not in their way.
func TestMigrateTogether(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=10")
	schema := pgstore.WithSchema(`odd "name"`)
	beginTx(t, pool, pgx.TxOptions{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := pgstore.Migrate(t.Context(), pool, schema); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	create(t, open(t, pool, schema).Operations(), newRecord())
}

// TestMigrateWithoutRights checks that a role that may not create the schema gets an error of the
// database.
func TestMigrateWithoutRights(t *testing.T) {
	pool := newPool(t, url(t))
	ctx := t.Context()
	_, err := pool.Exec(ctx, "CREATE ROLE nobody LOGIN")
	must(t, err)
	limited := newPool(t, url(t), "user=nobody")
	err = pgstore.Migrate(ctx, limited, pgstore.WithSchema("forbidden"))
	contains(t, err, `schema "forbidden": ERROR: permission denied`)
}
