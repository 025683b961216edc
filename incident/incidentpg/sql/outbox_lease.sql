-- What an incident keeps private now is private, whatever it was when it happened.
WITH due AS (
    SELECT n FROM theriac.incident_outbox WHERE due_at <= now() ORDER BY stored_at, n LIMIT $1 FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE theriac.incident_outbox o SET due_at = now() + $2::interval, again = false FROM due WHERE o.n = due.n
    RETURNING o.n, o.event_id, o.inbound, o.stored_at
)
SELECT l.stored_at, l.event_id IS NOT NULL AS is_event, coalesce(e.number, 0) AS number, coalesce(e.seq, 0) AS seq,
    CASE WHEN c.visibility = 'private' THEN c.visibility ELSE coalesce(e.visibility, '') END AS visibility,
    coalesce(e.mode, '') AS mode, e.body,
    i.id, coalesce(i.topic, '') AS topic, coalesce(i.kind, '') AS kind, i.body AS inbound_body, i.attributes
FROM leased l
LEFT JOIN theriac.incident_event e ON e.id = l.event_id
LEFT JOIN theriac.incident c ON c.number = e.number
LEFT JOIN theriac.inbound i ON i.digest = l.inbound
ORDER BY l.stored_at, l.n
