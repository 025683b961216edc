INSERT INTO inbound (id, topic, kind, attributes, not_before, stored_at, pending_since, chore, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO NOTHING
