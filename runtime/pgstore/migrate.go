package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaPlaceholder is replaced by the quoted schema in migrations.
const schemaPlaceholder = "{{schema}}"

// migration is a file of the directory migrations.
type migration struct {
	version int
	name    string
	sql     string
}

// migrations returns the migrations, the oldest first.
func migrations() (all []migration, err error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("migration %s: the name must start with a number", file)
		}
		all = append(all, migration{version, name, string(text)})
	}
	slices.SortFunc(all, func(a, b migration) int { return a.version - b.version })
	return all, nil
}

// Migrate creates the tables of this package, or adds what a new version of it needs. Migrations
// only add: processes with the previous version continue to work. Migrate does nothing if the
// tables are of this version, and may run in several processes at a time. It returns an error if
// the tables are newer than this package.
//
// A migration locks tables that are in use for some milliseconds. If a long transaction has such a
// table, Migrate tries again from time to time until ctx ends: while it waits for a lock, for half
// a second at a time, all others wait that need the table.
//
// The role must be allowed to create the schema, unless that exists, and tables in it.
func Migrate(ctx context.Context, pool *pgxpool.Pool, opts ...Option) error {
	c, err := newConfig(opts)
	if err != nil {
		return err
	}
	if pool == nil {
		return errors.New("pgstore.Migrate: the pool is nil; pass one, of pgxpool.New")
	}
	want, err := migrations()
	if err != nil {
		return err
	}
	for {
		options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
		err = pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
			return migrate(ctx, tx, c.schema, want)
		})
		if sqlState(err) != codeLockNotAvailable || !sleep(ctx, lockPause+rand.N(lockPause)) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("pgstore.Migrate: schema %q: %w", c.schema, explained(err))
	}
	return nil
}

// lockPause is how long a migration lets others work after it has waited for a lock in vain: longer
// than setLockTimeout.
const lockPause = time.Second

// setLockTimeout bounds how long others wait behind a migration that waits for a lock.
const setLockTimeout = `SET LOCAL lock_timeout = '500ms'`

// migrate applies the missing migrations in a transaction, which one process at a time does.
func migrate(ctx context.Context, tx pgx.Tx, schema string, want []migration) error {
	const lock = `SELECT pg_advisory_xact_lock(hashtextextended('grpcservice.migrate.' || $1, 0))`
	if _, err := tx.Exec(ctx, lock, schema); err != nil {
		return err
	}
	if err := createVersions(ctx, tx, schema); err != nil {
		return err
	}
	applied, err := appliedVersions(ctx, tx, schema)
	if err != nil {
		return err
	}
	if newest := slices.Max(append(applied, 0)); newest > want[len(want)-1].version {
		return newerSchema(newest, want[len(want)-1].version)
	}
	if _, err := tx.Exec(ctx, setLockTimeout); err != nil {
		return err
	}
	quoted := pgx.Identifier{schema}.Sanitize()
	for _, m := range want {
		if slices.Contains(applied, m.version) {
			continue
		}
		if _, err := tx.Exec(ctx, strings.ReplaceAll(m.sql, schemaPlaceholder, quoted)); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO `+versionsTable(schema)+` (version, name) VALUES ($1, $2)`, m.version, m.name); err != nil {
			return err
		}
	}
	return nil
}

func versionsTable(schema string) string { return pgx.Identifier{schema, "migrations"}.Sanitize() }

// createVersions creates the schema, if it is missing, and the table of applied migrations. It does
// not touch a schema that exists, which its role may not be allowed to create.
func createVersions(ctx context.Context, tx pgx.Tx, schema string) error {
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, pgx.Identifier{schema}.Sanitize()).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := tx.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS `+versionsTable(schema)+` (
		version    int PRIMARY KEY,
		name       text NOT NULL,
		applied_at timestamptz NOT NULL DEFAULT now()
	)`)
	return err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func appliedVersions(ctx context.Context, from querier, schema string) ([]int, error) {
	rows, err := from.Query(ctx, `SELECT version FROM `+versionsTable(schema)+` ORDER BY version`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// checkVersion returns an error unless the tables are those of this version.
func checkVersion(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	want, err := migrations()
	if err != nil {
		return err
	}
	applied, err := appliedVersions(ctx, pool, schema)
	switch code := sqlState(err); {
	case code == codeMissingTable || code == codeMissingSchema:
		return fmt.Errorf("pgstore.Open: schema %q has no tables of this package; run pgstore.Migrate, or check WithSchema: %w", schema, err)
	case err != nil:
		return fmt.Errorf("pgstore.Open: schema %q: %w", schema, explained(err))
	}
	newest := want[len(want)-1].version
	if last := slices.Max(append(applied, 0)); last > newest {
		return fmt.Errorf("pgstore.Open: schema %q: %w", schema, newerSchema(last, newest))
	}
	for _, m := range want {
		if !slices.Contains(applied, m.version) {
			return fmt.Errorf("pgstore.Open: schema %q lacks migration %s; run pgstore.Migrate of this version first", schema, m.name)
		}
	}
	return nil
}

// newerSchema returns the error for tables that a newer version of this package has migrated.
func newerSchema(has, knows int) error {
	return fmt.Errorf("the tables are at version %d and this program knows %d; deploy the version that has migrated them, or a later one", has, knows)
}
