SELECT coalesce(convert_to(o.event_id, 'UTF8'), i.id) AS subject, 0::bigint AS number, o.since, count(*) OVER () AS count
FROM theriac.incident_outbox o LEFT JOIN theriac.inbound i ON i.digest = o.inbound
WHERE o.since < now() - $1::interval ORDER BY o.since, subject LIMIT 1
