UPDATE message SET suspect = 0, changed = ?2 WHERE identity = ?1 AND suspect = 1
