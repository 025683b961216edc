SELECT key, incident_id, event_id, state, attempt, in_doubt, external_id, result, claimed_at, finished_at, lease_until, not_before
FROM effect WHERE key = ?1
