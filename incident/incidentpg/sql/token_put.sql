INSERT INTO theriac.token AS t (id, hash, revoked_at, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, revoked_at = coalesce(t.revoked_at, excluded.revoked_at), document = excluded.document
