// Package pgstore keeps operations, idempotency keys and event logs in PostgreSQL.
//
//	pool, err := pgxpool.New(ctx, url)
//	...
//	if err := pgstore.Migrate(ctx, pool); err != nil { // in the step that deploys a new version
//		return err
//	}
//	db, err := pgstore.Open(ctx, pool)
//	...
//	defer db.Close()
//	ops := operation.NewManager(db.Operations())
//	guard := idempotency.New(db.Idempotency())
//	events := eventlog.New[shopv1.Event](db.Log("events"))
//
// [InTx] runs work in a transaction, in which a method can have its effect, store its response, start
// an operation and append to a log.
//
// All tables are in one schema ([WithSchema]). Times are those of the database, so that replicas
// whose clocks differ agree on leases. Changes are announced to other processes by NOTIFY, on one
// connection of each process besides those of the pool. A notification is a hint that saves
// waiting: without it, everything works a little later. A process has another connection while it
// counts the operations of a table that is more than half full.
//
// Options: [WithSchema], [WithLogger]; for operations [WithMaxBytes], [WithHintInterval];
// for idempotency keys [WithIdempotencyMaxBytes]; for logs [WithLogMaxBytes], [WithLogMaxRecords] and
// [WithLogMaxAge].
//
// If the connection is lost while the database commits, a call reads what has become of it. If that
// fails too, its error is [ErrOutcomeUnknown].
//
// The package is a separate module because it depends on pgx. It needs PostgreSQL 14 or later.
package pgstore
