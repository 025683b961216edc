INSERT INTO token (id, hash, name, role, created_at, expires_at, used_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (id) DO UPDATE SET hash = ?2, name = ?3, role = ?4, created_at = ?5, expires_at = ?6, used_at = ?7,
    revoked_at = CASE WHEN revoked_at <> 0 THEN revoked_at ELSE ?8 END
