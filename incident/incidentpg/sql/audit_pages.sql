-- A level that is due, of which no page was sent and after which nothing else came of its
-- escalation. Keys are level:escalation:round:level and page:escalation:round:level:…
WITH level AS (
    SELECT i.id, e.number, e.seq, e.stored_at, substring(e.key FROM 7) AS step,
        convert_to(split_part(encode(e.key, 'escape'), ':', 2), 'UTF8') AS escalation
    FROM theriac.incident i
    JOIN theriac.incident_event e ON e.number = i.number
    WHERE i.page_due_at IS NOT NULL AND e.type = $1 AND e.stored_at < now() - $3::interval
        AND substring(e.key FROM 1 FOR 6) = 'level:'
)
SELECT convert_to(l.id, 'UTF8') AS subject, l.number, l.stored_at AS since, 1::bigint AS count FROM level l
WHERE NOT EXISTS (
    SELECT FROM theriac.effect f WHERE f.incident_id = l.id AND f.state = 'done'
        AND position('page:'::bytea || l.step || ':'::bytea IN f.key) = 1
) AND NOT EXISTS (
    SELECT FROM theriac.incident_event o WHERE o.number = l.number AND o.seq > l.seq AND o.type = ANY ($2::text[])
        AND position(l.escalation IN o.body) > 0
)
ORDER BY l.stored_at, l.id LIMIT $4
