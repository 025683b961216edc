-- Each message once; those of $6 succeeded first and count from 0 again. The
-- order keeps writers of the same messages from waiting for each other in a ring.
INSERT INTO theriac.message AS m (identity, subscription, message_id, failures, crashes)
SELECT t.identity, t.subscription, t.message_id, t.failures, t.crashes
FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[])
    AS t (identity, subscription, message_id, failures, crashes)
ORDER BY t.identity
ON CONFLICT (identity) DO UPDATE
SET failures = CASE WHEN m.identity = ANY ($6::bytea[]) THEN 0 ELSE m.failures END + excluded.failures,
    crashes = CASE WHEN m.identity = ANY ($6::bytea[]) THEN 0 ELSE m.crashes END + excluded.crashes,
    changed = pg_current_xact_id()::text::bigint
RETURNING identity, failures, crashes
