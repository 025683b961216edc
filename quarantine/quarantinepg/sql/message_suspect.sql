-- Each key once.
INSERT INTO theriac.message AS m (identity, subscription, message_id, suspect)
SELECT t.key, t.subscription, t.message_id, true
FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS t (key, subscription, message_id)
ORDER BY t.key
ON CONFLICT (identity) DO UPDATE
SET suspect = true, changed = pg_current_xact_id()::text::bigint
