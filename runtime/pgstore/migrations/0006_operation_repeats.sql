-- Starts of operations that a process has repeated, so that an earlier attempt that reaches the server
-- late does not start an operation again that was removed, or one that was rejected. Rows are deleted
-- after an hour.
CREATE TABLE {{schema}}.operation_repeats (
	name    text COLLATE "C" NOT NULL PRIMARY KEY,
	attempt int              NOT NULL, -- the last one that must have no effect any more
	time    timestamptz      NOT NULL
);
