INSERT INTO settings (version, saved_by, saved_at, doc) VALUES (?1, ?2, ?3, ?4)
