INSERT INTO notice (key, told, audit_told, told_at, state, trouble, trouble_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (key) DO UPDATE SET told = excluded.told, audit_told = excluded.audit_told, told_at = excluded.told_at,
    state = excluded.state, trouble = excluded.trouble, trouble_at = excluded.trouble_at
