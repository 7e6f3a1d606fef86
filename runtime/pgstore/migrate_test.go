package pgstore_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
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

// undoSaves undoes the newest migration of operations in the newest schema.
func undoSaves(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), strings.ReplaceAll(`
		ALTER TABLE app.operations DROP COLUMN saves;
		DELETE FROM app.migrations WHERE version = 5`, "app.", newestSchema()+"."))
	must(t, err)
}

// TestMigrateWhileTheTableIsUsed adds the column of the newest migration while a transaction has
// started an operation: others can start operations meanwhile, and Migrate succeeds when the
// transaction has ended.
func TestMigrateWhileTheTableIsUsed(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=10")
	schema := newSchema(t, pool)
	ops := open(t, pool, schema).Operations()
	undoSaves(t, pool)
	tx := beginTx(t, pool, pgx.TxOptions{})
	_, _, err := ops.CreateTx(t.Context(), tx, newRecord(), false)
	must(t, err)
	migrated := make(chan error, 1)
	go func() { migrated <- pgstore.Migrate(t.Context(), pool, schema) }()
	awaitWaitersOf(t, pool, "ALTER TABLE", 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := ops.Create(ctx, newRecord(), false); err != nil {
		t.Fatalf("Create beside a migration that waits returned %v", err)
	}
	must(t, tx.Commit(t.Context()))
	must(t, within(t, migrated))
	claimed, err := ops.Claim(t.Context(), []string{method}, 10)
	must(t, err)
	if len(claimed) != 2 || claimed[0].Saves != 0 {
		t.Errorf("claimed %v, want both operations without saves", claimed)
	}
	first := claimed[0]
	_, err = ops.Save(t.Context(), first.Name, first.Fence, operation.Progress{Number: 1})
	must(t, err)
}

// TestMigrateWithoutTime checks the error of a migration whose context ends while another
// transaction has the table.
func TestMigrateWithoutTime(t *testing.T) {
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	undoSaves(t, pool)
	tx := beginTx(t, pool, pgx.TxOptions{})
	_, err := tx.Exec(t.Context(), "LOCK TABLE "+newestSchema()+".operations IN ROW EXCLUSIVE MODE")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := pgstore.Migrate(ctx, pool, schema); err == nil {
		t.Error("Migrate succeeded although the table is locked")
	}
	must(t, tx.Rollback(t.Context()))
	must(t, pgstore.Migrate(t.Context(), pool, schema))
}
