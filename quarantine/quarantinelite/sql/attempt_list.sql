SELECT body FROM attempt WHERE identity = ?1 ORDER BY n DESC
