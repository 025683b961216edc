SELECT id, number, page_due_at AS at FROM theriac.incident WHERE page_due_at <= now() ORDER BY page_due_at, number LIMIT $1
