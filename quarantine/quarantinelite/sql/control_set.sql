INSERT INTO control (subscription, level, set_by, set_via, set_claimed, set_at, set_reason, until, version)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
