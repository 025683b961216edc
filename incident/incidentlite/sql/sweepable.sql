SELECT id, number, updated_at AS at FROM incident WHERE id > ?2 AND (ended_at = 0 OR (ended_at <> 0 AND ended_at >= ?1))
ORDER BY id LIMIT ?3
