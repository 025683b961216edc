SELECT version, document, saved_by, saved_at FROM theriac.settings ORDER BY version DESC LIMIT 1
