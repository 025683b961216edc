SELECT id AS subject, 0 AS number, stored_at AS since, 1 AS count FROM inbound
WHERE topic = ?2 AND handled_at = 0 AND stored_at < ?1 AND stored_at >= ?4
ORDER BY since, subject LIMIT ?3
