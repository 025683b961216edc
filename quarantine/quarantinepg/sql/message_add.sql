INSERT INTO theriac.message (identity, subscription, message_id)
SELECT t.identity, t.subscription, t.message_id
FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS t (identity, subscription, message_id)
ORDER BY t.identity
ON CONFLICT DO NOTHING
