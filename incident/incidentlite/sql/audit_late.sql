SELECT id AS subject, number, page_due_at AS since, 1 AS count FROM incident
WHERE page_due_at <> 0 AND page_due_at < ?1
ORDER BY since, subject LIMIT ?2
