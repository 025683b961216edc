SELECT subject, number, since, 1 AS count FROM (
    SELECT i.id AS subject, i.number, coalesce((SELECT max(e.stored_at) FROM incident_event e WHERE e.incident_id = i.id
        AND e.type IN ('incident.declared', 'incident.accepted', 'incident.reopened')), i.created_at) AS since
    FROM incident i
    WHERE i.status IN ('investigating', 'fixing', 'monitoring', 'paused') AND i.has_channel = 0 AND i.mode <> 'retrospective')
WHERE since < ?1
ORDER BY since, subject LIMIT ?2
