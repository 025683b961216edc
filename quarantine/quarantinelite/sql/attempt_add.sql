INSERT INTO attempt (identity, n, body, crashed_at) VALUES (?1, ?2, ?3, ?4)
