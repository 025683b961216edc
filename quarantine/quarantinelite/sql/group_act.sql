UPDATE entry_group SET version = ?2, changes = changes + 1,
    untold_since = CASE untold_since WHEN 0 THEN ?3 ELSE untold_since END, snoozed_until = ?4,
    taken_by = ?5, taken_via = ?6, taken_claimed = ?7, taken_at = ?8, taken_reason = ?9,
    acted_by = ?10, acted_via = ?11, acted_claimed = ?12, acted_at = ?13, acted_reason = ?14
WHERE seq = ?1
