UPDATE theriac.entry_group SET version = $2, changes = changes + 1, untold_since = coalesce(untold_since, $3),
    snoozed_until = $4,
    taken_by = $5, taken_via = $6, taken_claimed = $7, taken_at = $8, taken_reason = $9,
    acted_by = $10, acted_via = $11, acted_claimed = $12, acted_at = $3, acted_reason = $13
WHERE seq = $1
