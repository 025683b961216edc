SELECT convert_to(id, 'UTF8') AS subject, number, page_due_at AS since, 1::bigint AS count FROM theriac.incident
WHERE page_due_at < now() - $1::interval ORDER BY page_due_at, id LIMIT $2
