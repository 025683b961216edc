INSERT INTO incident_event (id, incident_id, seq, type, actor, key, recorded_at, stored_at, pending_since, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT DO NOTHING
