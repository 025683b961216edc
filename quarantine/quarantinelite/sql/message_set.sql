UPDATE message SET failures = ?2, crashes = ?3, attempts = ?4, held = ?5, changed = ?6 WHERE identity = ?1
