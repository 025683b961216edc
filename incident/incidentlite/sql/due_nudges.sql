SELECT id, number, nudge_due_at AS at FROM incident
WHERE nudge_due_at <> 0 AND nudge_due_at <= ?1 AND (nudge_due_at, number) > (?2, ?3) ORDER BY nudge_due_at, number LIMIT ?4
