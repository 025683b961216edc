-- Since it was declared, accepted or reopened last.
SELECT convert_to(b.id, 'UTF8') AS subject, b.number, b.since, 1::bigint AS count FROM (
    SELECT i.id, i.number, coalesce((
        SELECT e.stored_at FROM theriac.incident_event e WHERE e.number = i.number AND e.type = ANY ($2::text[])
        ORDER BY e.seq DESC LIMIT 1), i.created_at) AS since
    FROM theriac.incident i
    WHERE i.stage = ANY ($1::text[]) AND NOT i.has_channel AND i.mode <> 'retrospective'
) AS b
WHERE b.since < now() - $3::interval ORDER BY b.since, b.id LIMIT $4
