SELECT told, audit_told, told_at, state, trouble FROM notice WHERE key = ?1
