-- Each message once.
INSERT INTO theriac.message AS m (identity, subscription, message_id, settled)
SELECT t.identity, t.subscription, t.message_id, true
FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS t (identity, subscription, message_id)
ORDER BY t.identity
ON CONFLICT (identity) DO UPDATE
SET settled = true, changed = pg_current_xact_id()::text::bigint
WHERE NOT m.settled
