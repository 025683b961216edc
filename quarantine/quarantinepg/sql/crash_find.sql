SELECT EXISTS (SELECT 1 FROM theriac.crash_report WHERE id = $1)
