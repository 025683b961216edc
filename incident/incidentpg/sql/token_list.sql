SELECT hash, revoked_at, document FROM theriac.token ORDER BY id
