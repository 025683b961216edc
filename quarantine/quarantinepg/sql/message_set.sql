UPDATE theriac.message m
SET failures = t.failures, crashes = t.crashes, attempts = t.attempts, held = t.held,
    changed = pg_current_xact_id()::text::bigint
FROM unnest($1::bytea[], $2::integer[], $3::integer[], $4::bigint[], $5::boolean[])
    AS t (identity, failures, crashes, attempts, held)
WHERE m.identity = t.identity
