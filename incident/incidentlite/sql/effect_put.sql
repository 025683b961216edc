INSERT INTO effect (key, incident_id, event_id, state, attempt, in_doubt, external_id, result, claimed_at, finished_at,
    lease_until, not_before)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (key) DO UPDATE SET event_id = ?3, state = ?4, attempt = ?5, in_doubt = ?6, external_id = ?7, result = ?8,
    claimed_at = ?9, finished_at = ?10, lease_until = ?11, not_before = ?12
