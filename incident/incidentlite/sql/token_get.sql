SELECT id, hash, name, role, created_at, expires_at, used_at, revoked_at FROM token WHERE hash = ?1
