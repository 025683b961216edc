INSERT INTO attempt (identity, n, body) VALUES (?1, ?2, ?3)
