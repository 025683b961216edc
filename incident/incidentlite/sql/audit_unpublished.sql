SELECT subject, 0 AS number, since, count(*) OVER () AS count FROM (
    SELECT id AS subject, pending_since AS since FROM incident_event WHERE pending_since <> 0 AND pending_since < ?1
    UNION ALL
    SELECT id, pending_since FROM inbound WHERE pending_since <> 0 AND pending_since < ?1)
ORDER BY since, subject LIMIT 1
