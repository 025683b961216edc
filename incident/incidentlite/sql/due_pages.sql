SELECT id, number, page_due_at AS at FROM incident
WHERE page_due_at <> 0 AND page_due_at <= ?1 AND (page_due_at, number) > (?2, ?3) ORDER BY page_due_at, number LIMIT ?4
