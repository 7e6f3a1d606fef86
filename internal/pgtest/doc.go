// Package pgtest starts PostgreSQL servers for tests and demonstrations, each with its own port and
// directory.
//
//	server := pgtest.Start(t)
//	pool, err := pgxpool.New(ctx, server.Database(t))
//
// A Server can be killed and started again, to test what survives that. PostgreSQL refuses to run
// as root, so it runs as the user nobody then. It ends with the process that started it, also if that
// is killed. It does not sync to disk: what it has committed survives its end, but not that of the
// machine.
package pgtest
