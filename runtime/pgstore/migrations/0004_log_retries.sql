-- Appends that a process has repeated, so that an earlier attempt that reaches the server late has
-- no effect. The row of the log has them because an attempt that waits for its lock sees nothing
-- else that was committed meanwhile.
ALTER TABLE {{schema}}.logs
	ADD COLUMN retries bigint[] NOT NULL DEFAULT '{}', -- their numbers, the newest first
	ADD COLUMN retried timestamptz NOT NULL DEFAULT 'epoch'; -- when the newest was repeated
