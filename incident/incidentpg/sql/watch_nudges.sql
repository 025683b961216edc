SELECT id, number, nudge_due_at AS at FROM theriac.incident
WHERE nudge_due_at <= now() AND (nudge_due_at, number) > (coalesce($1::timestamptz, '-infinity'), $2) ORDER BY nudge_due_at, number LIMIT $3
