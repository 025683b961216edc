SELECT version, saved_by, saved_at, doc FROM settings ORDER BY version DESC LIMIT 1
