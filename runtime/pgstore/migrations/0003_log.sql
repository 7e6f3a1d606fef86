-- The logs of log.go: a row for each.
CREATE TABLE {{schema}}.logs (
	id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	hash        bytea       NOT NULL UNIQUE, -- SHA-256 of the name
	name        bytea       NOT NULL,
	epoch       bigint      NOT NULL,        -- the bits of a uint64
	incarnation text        NOT NULL,        -- of the database that the epoch belongs to
	first       bigint      NOT NULL DEFAULT 1,
	last        bigint      NOT NULL DEFAULT 0,
	latest      timestamptz NOT NULL DEFAULT 'epoch', -- of the last record
	appended    bigint      NOT NULL DEFAULT 0,       -- bytes of all records up to last
	trimmed     bigint      NOT NULL DEFAULT 0        -- bytes of all records before first
) WITH (fillfactor = 25); -- every append updates the row

-- Records before the first of their log are about to be deleted.
CREATE TABLE {{schema}}.log_records (
	log      bigint      NOT NULL,
	sequence bigint      NOT NULL,
	time     timestamptz NOT NULL,
	upto     bigint      NOT NULL, -- bytes of all records of the log up to this one
	append   bigint      NOT NULL, -- random, the same for the records of one append
	data     bytea       NOT NULL,
	PRIMARY KEY (log, sequence)
);
