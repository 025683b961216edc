SELECT key, told, audit_told, told_at, state, trouble FROM theriac.notice WHERE key = ANY ($1::bytea[])
