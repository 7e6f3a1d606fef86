//go:build linux

package chaos

// audit makes the database record each change of an operation, with the process that made it. A
// change of what only workers change is one of a worker: not a cancellation, nor that another
// operation of the same conflict key is next.
const audit = `
	CREATE TABLE chaos.changes (
		id bigserial PRIMARY KEY, operation text NOT NULL, writer text NOT NULL,
		worker bool NOT NULL,
		old_fence bigint, old_done bool, old_result text, old_checkpoint bigint,
		new_fence bigint, new_done bool, new_result text, new_checkpoint bigint
	);

	CREATE FUNCTION chaos.result(response bytea, status bytea) RETURNS text
		LANGUAGE sql IMMUTABLE AS
		$$ SELECT coalesce(md5(response), '') || coalesce(' failed ' || md5(status), '') $$;

	CREATE FUNCTION chaos.step(checkpoint bytea) RETURNS bigint LANGUAGE sql IMMUTABLE AS
		$$ SELECT coalesce(nullif(convert_from(substr(checkpoint, 2), 'UTF8'), ''), '0')::bigint $$;

	CREATE FUNCTION chaos.created() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO chaos.changes VALUES (
			DEFAULT, NEW.name, current_setting('application_name'), false,
			0, false, '', 0,
			NEW.fence, NEW.done_time IS NOT NULL,
			chaos.result(NEW.response, NEW.status), coalesce(chaos.step(NEW.checkpoint), 0));
		RETURN NULL;
	END $$;
	CREATE TRIGGER created AFTER INSERT ON grpcservice.operations
		FOR EACH ROW EXECUTE FUNCTION chaos.created();

	CREATE FUNCTION chaos.changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO chaos.changes VALUES (DEFAULT, NEW.name, current_setting('application_name'),
			(OLD.lease_until, OLD.done_time, OLD.checkpoint, OLD.metadata,
				OLD.response, OLD.status, OLD.attempt)
				IS DISTINCT FROM
			(NEW.lease_until, NEW.done_time, NEW.checkpoint, NEW.metadata,
				NEW.response, NEW.status, NEW.attempt),
			OLD.fence, OLD.done_time IS NOT NULL,
			chaos.result(OLD.response, OLD.status), coalesce(chaos.step(OLD.checkpoint), 0),
			NEW.fence, NEW.done_time IS NOT NULL,
			chaos.result(NEW.response, NEW.status), coalesce(chaos.step(NEW.checkpoint), 0));
		RETURN NULL;
	END $$;
	CREATE TRIGGER changed AFTER UPDATE ON grpcservice.operations
		FOR EACH ROW EXECUTE FUNCTION chaos.changed();
`
