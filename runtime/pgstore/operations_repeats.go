package pgstore

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

// A process that loses the connection of a start repeats it. The statement of the earlier attempt may
// still be on its way: if it reaches the server when the operation is done and removed, its name and
// its keys are free again, and nothing but what is recorded here keeps it from starting the operation
// once more.

// repeatSQL makes all attempts up to $2 at starting the operation $1 void. It runs before the start
// that follows, in its transaction.
const repeatSQL = `
INSERT INTO {{repeats}} AS r (name, attempt, time) VALUES ($1, $2, statement_timestamp())
ON CONFLICT (name) DO UPDATE SET attempt = greatest(r.attempt, excluded.attempt), time = excluded.time`

// forgetSQL deletes some rows of repeats that are older than anything can be late.
const forgetSQL = `
DELETE FROM {{repeats}} WHERE name IN (
	SELECT name FROM {{repeats}} WHERE time < statement_timestamp() - interval '1 hour' LIMIT 1000)`

// start is one attempt at starting an operation.
type start struct {
	args     []any // of insertColumns
	attempt  int   // from 1
	repeated bool  // whether an earlier attempt may have an effect, or have one later
}

// arguments returns the parameters of insertSQL, or with more of insertQueuedSQL.
func (s start) arguments(more ...any) []any {
	return slices.Concat(s.args, []any{s.attempt}, more)
}

// queueRepeat makes the earlier attempts void, if there are any.
func (o *Operations) queueRepeat(b *pgx.Batch, s start) {
	if s.repeated {
		b.Queue(o.sql.repeat, s.args[nameArgument], s.attempt-1)
	}
}
