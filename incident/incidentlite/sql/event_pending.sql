SELECT e.n, e.stored_at, e.pending_since, i.visibility, e.body
FROM incident_event e
JOIN incident i ON i.id = e.incident_id
WHERE e.pending_since <> 0 AND e.pending_since <= ?1 AND e.lease_until <= ?1
ORDER BY e.stored_at, e.n
LIMIT ?2
