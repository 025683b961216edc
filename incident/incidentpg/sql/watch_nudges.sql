SELECT id, number, nudge_due_at AS at FROM theriac.incident WHERE nudge_due_at <= now() ORDER BY nudge_due_at, number LIMIT $1
