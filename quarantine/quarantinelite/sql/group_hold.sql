UPDATE entry_group SET held = held + ?2, builds = ?3, last_at = ?4, changes = changes + ?2,
    untold_since = CASE untold_since WHEN 0 THEN ?4 ELSE untold_since END
WHERE seq = ?1
