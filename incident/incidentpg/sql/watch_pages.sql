SELECT id, number, page_due_at AS at FROM theriac.incident
WHERE page_due_at <= now() AND (page_due_at, number) > (coalesce($1::timestamptz, '-infinity'), $2) ORDER BY page_due_at, number LIMIT $3
