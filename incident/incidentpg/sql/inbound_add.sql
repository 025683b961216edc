WITH listed AS (
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz[], $7::boolean[])
        AS r (id, topic, kind, body, attributes, not_before, chore)
), added AS (
    INSERT INTO theriac.inbound (id, topic, kind, body, attributes, not_before, stored_at)
    SELECT id, topic, kind, body, attributes, not_before, now() FROM listed ORDER BY sha256(id)
    ON CONFLICT (digest) DO NOTHING
    RETURNING id, digest, not_before
), outbox AS (
    INSERT INTO theriac.incident_outbox (inbound, stored_at, since, due_at, chore)
    SELECT digest, now(), greatest(not_before, now()), greatest(not_before, now()), digest IN (SELECT sha256(id) FROM listed WHERE chore)
    FROM added
)
SELECT id FROM added
