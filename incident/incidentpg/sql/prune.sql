WITH old AS (
    SELECT digest FROM theriac.inbound i
    WHERE stored_at < now() - interval '30 days' AND NOT EXISTS (SELECT FROM theriac.incident_outbox o WHERE o.inbound = i.digest)
    ORDER BY stored_at LIMIT $1
), inbound AS (
    DELETE FROM theriac.inbound i USING old WHERE i.digest = old.digest RETURNING 1
), past AS (
    SELECT e.digest FROM theriac.incident i JOIN theriac.effect e ON e.incident_id = i.id
    WHERE i.ended_at < now() - interval '90 days' AND i.updated_at < now() - interval '90 days' LIMIT $1 - (SELECT count(*) FROM old)
), effects AS (
    DELETE FROM theriac.effect e USING past WHERE e.digest = past.digest RETURNING 1
)
SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM effects)
