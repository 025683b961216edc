UPDATE incident_event SET pending_since = CASE WHEN again THEN pending_since ELSE 0 END, lease_until = 0, again = 0
WHERE id IN (SELECT value FROM json_each(?1))
