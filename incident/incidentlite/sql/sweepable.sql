SELECT id FROM incident WHERE id > ?2 AND (ended_at = 0 OR (ended_at <> 0 AND ended_at >= ?1)) ORDER BY id LIMIT ?3
