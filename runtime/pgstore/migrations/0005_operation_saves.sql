-- The number of the last save of an operation, so that one that reaches the server late has no
-- effect. The constant default makes this a change of the catalog only. Processes with the previous
-- version leave the column as it is.
ALTER TABLE {{schema}}.operations ADD COLUMN saves bigint NOT NULL DEFAULT 0;
