-- What an incident keeps private now is private, whatever it was when it happened.
-- People are served first; chores have $3 places in any case, and those that are left.
WITH few AS (
    SELECT n FROM theriac.incident_outbox WHERE chore AND due_at <= now() ORDER BY stored_at, n LIMIT $3 FOR UPDATE SKIP LOCKED
), people AS (
    SELECT n FROM theriac.incident_outbox WHERE NOT chore AND due_at <= now() ORDER BY stored_at, n
    LIMIT $1 - (SELECT count(*) FROM few) FOR UPDATE SKIP LOCKED
), rest AS (
    SELECT n FROM theriac.incident_outbox WHERE chore AND due_at <= now() AND n NOT IN (SELECT n FROM few) ORDER BY stored_at, n
    LIMIT $1 - (SELECT count(*) FROM few) - (SELECT count(*) FROM people) FOR UPDATE SKIP LOCKED
), due AS (
    SELECT n FROM few UNION ALL SELECT n FROM people UNION ALL SELECT n FROM rest
), leased AS (
    UPDATE theriac.incident_outbox o SET due_at = now() + $2::interval, again = false FROM due WHERE o.n = due.n
    RETURNING o.n, o.event_id, o.inbound, o.stored_at, o.since, o.chore
)
SELECT l.stored_at, l.since, l.event_id IS NOT NULL AS is_event, coalesce(e.number, 0) AS number, coalesce(e.seq, 0) AS seq,
    CASE WHEN c.visibility = 'private' THEN c.visibility ELSE coalesce(e.visibility, '') END AS visibility,
    coalesce(e.mode, '') AS mode, e.body,
    i.id, coalesce(i.topic, '') AS topic, coalesce(i.kind, '') AS kind, i.body AS inbound_body, i.attributes
FROM leased l
LEFT JOIN theriac.incident_event e ON e.id = l.event_id
LEFT JOIN theriac.incident c ON c.number = e.number
LEFT JOIN theriac.inbound i ON i.digest = l.inbound
ORDER BY l.chore, l.stored_at, l.n
