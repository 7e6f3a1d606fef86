-- Operations. Times are those of the database. fixed_bytes is what a record counts for in the share
-- of its principal besides its payloads, which are not compressed, so that the size of the table is
-- at least their sum.
CREATE TABLE {{schema}}.operations (
	fence           bigint NOT NULL,
	lease           bigint NOT NULL, -- nanoseconds, as timeout and retain
	timeout         bigint NOT NULL,
	retain          bigint NOT NULL,
	create_time     timestamptz NOT NULL,
	update_time     timestamptz NOT NULL,
	run_after       timestamptz NOT NULL,
	-- When it can be claimed: at the end of its lease, if it has one; infinity behind others of its
	-- conflict key; NULL if it is done.
	due_time        timestamptz,
	start_time      timestamptz,
	lease_until     timestamptz,
	cancel_time     timestamptz,
	delete_time     timestamptz,
	done_time       timestamptz,
	expire_time     timestamptz, -- infinity for never; NULL until it is done
	attempt         int NOT NULL,
	max_attempts    int NOT NULL,
	fixed_bytes     int NOT NULL,
	kept_bytes      int, -- what it counts for when it is done; NULL until then
	front           boolean NOT NULL, -- holds its conflict key
	name            text COLLATE "C" NOT NULL PRIMARY KEY,
	method          text COLLATE "C" NOT NULL,
	principal       text COLLATE "C" NOT NULL,
	idempotency_key text COLLATE "C" NOT NULL,
	conflict_key    text COLLATE "C" NOT NULL,
	request_hash    bytea, -- of method, principal and idempotency key; NULL without one
	conflict_hash   bytea, -- of the conflict key; NULL without one
	digest          bytea,
	scopes          text[],
	carrier         json,
	request         bytea,
	metadata        bytea,
	response        bytea,
	status          bytea,
	checkpoint      bytea
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE {{schema}}.operations
	ALTER request SET STORAGE EXTERNAL, ALTER metadata SET STORAGE EXTERNAL, ALTER response SET STORAGE EXTERNAL,
	ALTER status SET STORAGE EXTERNAL, ALTER checkpoint SET STORAGE EXTERNAL;

-- Claims, and counts of what is not done.
CREATE INDEX operations_due ON {{schema}}.operations (method, due_time) WHERE due_time IS NOT NULL;
-- Lists of a caller.
CREATE INDEX operations_principal ON {{schema}}.operations (principal, name);
-- One operation for each request with a key.
CREATE UNIQUE INDEX operations_request ON {{schema}}.operations (request_hash) WHERE request_hash IS NOT NULL;
-- The queue of a conflict key, and the one that has it: no two, whatever the isolation.
CREATE INDEX operations_conflict ON {{schema}}.operations (conflict_hash, create_time) WHERE due_time IS NOT NULL AND conflict_hash IS NOT NULL;
CREATE UNIQUE INDEX operations_front ON {{schema}}.operations (conflict_hash) WHERE front;
-- What expires, and the shares of principals.
CREATE INDEX operations_kept ON {{schema}}.operations (expire_time) INCLUDE (principal, kept_bytes) WHERE expire_time IS NOT NULL;
