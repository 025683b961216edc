UPDATE entry_group SET held = held + 1, builds = ?2, last_at = ?3 WHERE seq = ?1
