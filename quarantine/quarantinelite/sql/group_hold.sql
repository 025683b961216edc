UPDATE entry_group SET held = held + ?2, builds = ?3, last_at = ?4 WHERE seq = ?1
