SELECT hash, revoked_at, document FROM theriac.token WHERE hash = $1
