-- The entries of idempotency.go: a row for each key whose call runs or has a response.
CREATE TABLE {{schema}}.idempotency (
	key      bytea       PRIMARY KEY, -- SHA-256 of the principal, the method and the idempotency key
	owner    bytea       NOT NULL,    -- of the principal, the same way
	digest   bytea       NOT NULL,    -- of the request
	fence    bytea       NOT NULL,    -- of the call
	done     boolean     NOT NULL DEFAULT false,
	until    timestamptz NOT NULL,    -- the end of the lease, or of the window
	bytes    bigint      NOT NULL,    -- what the entry counts
	response bytea
);

-- Finds what is over.
CREATE INDEX idempotency_until ON {{schema}}.idempotency (until);

-- Adds up what principals use, and finds their responses by the end of the window.
CREATE INDEX idempotency_shares ON {{schema}}.idempotency (owner, done, until) INCLUDE (bytes);
